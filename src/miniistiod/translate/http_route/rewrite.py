"""HTTPURLRewriteFilter → HTTPRewrite."""

from __future__ import annotations

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPURLRewriteFilter
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRewrite, RegexRewrite

ANY_PATH = "/.*"


def rewrite(rewrite_filter: HTTPURLRewriteFilter) -> HTTPRewrite | None:
    """The rewrite, None when it changes nothing. `/` as a prefix takes the matched prefix away."""
    made = HTTPRewrite(authority=rewrite_filter.hostname)
    path = rewrite_filter.path
    if path.type == "ReplacePrefixMatch":
        made.uri = path.replace_prefix_match.removesuffix("/") or "/"
    elif path.type == "ReplaceFullPath":
        made.uri_regex_rewrite.CopyFrom(RegexRewrite(match=ANY_PATH, rewrite=path.replace_full_path))
    return made if made.ByteSize() else None
