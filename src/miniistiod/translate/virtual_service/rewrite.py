"""HTTPRewrite.uri and uriRegexRewrite → the path rewrite of a RouteAction."""

from __future__ import annotations

import re

from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRewrite

SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def path_rewrite(rewrite: HTTPRewrite, whole_prefix: str | None = None) -> dict[str, object]:
    """The field of RouteAction to set, or nothing.

    `whole_prefix` is the matched prefix of a Gateway API route: rewriting that to `/` removes the prefix and
    must not leave two slashes.
    """
    if rewrite.HasField("uri_regex_rewrite"):
        return {"regex_rewrite": _regex(rewrite.uri_regex_rewrite.match, rewrite.uri_regex_rewrite.rewrite)}
    if rewrite.uri == "/" and whole_prefix is not None:
        quoted = SPECIAL.sub(r"\\\g<0>", whole_prefix)
        return {"regex_rewrite": _regex(rf"^{quoted}(/?)(.*)", r"/\2")}
    return {"prefix_rewrite": rewrite.uri} if rewrite.uri else {}


def _regex(pattern: str, substitution: str) -> RegexMatchAndSubstitute:
    return RegexMatchAndSubstitute(pattern=RegexMatcher(regex=pattern), substitution=substitution)
