"""HTTPMatchRequest and a Request → what of the match does not hold; nothing when the request is matched.

The same rules by which `translate/virtual_service/match.py` tells Envoy to match.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, StringMatch
from miniistiod.explain.request import Request
from miniistiod.translate.virtual_service.claim_match import claim_path
from miniistiod.translate.virtual_service.string_match import is_presence


def misses(match: HTTPMatchRequest, request: Request, whole_segments: bool) -> Iterator[str]:
    """Each part that keeps the request away, in words. `whole_segments`: prefixes end at a slash."""
    if match.HasField("uri") and not _path_holds(match, request.path, whole_segments):
        yield f"the path is {request.path}, not {words(match.uri)}"
    pseudo = (("method", request.method), ("authority", request.host), ("scheme", request.scheme))
    for name, value in pseudo:
        if match.HasField(name) and not holds(getattr(match, name), value):
            yield f"the {name} is {value}, not {words(getattr(match, name))}"
    yield from _headers(match, request)
    for name, wanted in sorted(match.query_params.items()):
        given = request.query.get(name)
        if given is None or not (is_presence(wanted) or holds(wanted, given)):
            yield f"query parameter {name} is {'missing' if given is None else given}, not {words(wanted)}"


def _headers(match: HTTPMatchRequest, request: Request) -> Iterator[str]:
    for name, wanted in sorted(match.headers.items()):
        if claim_path(name) is not None:
            yield f"{name} is a claim of a token, which is not known here"
            continue
        value = request.headers.get(name.lower())
        if value is None or not (is_presence(wanted) or holds(wanted, value)):
            yield f"header {name} is {'missing' if value is None else value}, not {words(wanted)}"
    for name, refused in sorted(match.without_headers.items()):
        value = request.headers.get(name.lower())
        if value is not None and (is_presence(refused) or holds(refused, value)):
            yield f"header {name} is {value}, which it must not be"


def holds(match: StringMatch, value: str) -> bool:
    """Whether the text is the one, begins like it, or is described by the whole regular expression."""
    kind = match.WhichOneof("match_type")
    match kind:
        case "exact":
            return value == match.exact
        case "prefix":
            return value.startswith(match.prefix)
        case "regex":
            return re2.fullmatch(match.regex, value) is not None
    return True


def _path_holds(match: HTTPMatchRequest, path: str, whole_segments: bool) -> bool:
    uri = match.uri
    kind = uri.WhichOneof("match_type")
    if match.ignore_uri_case and kind != "regex":
        path = path.lower()
        uri = (
            StringMatch(exact=uri.exact.lower())
            if kind == "exact"
            else StringMatch(prefix=uri.prefix.lower())
        )
    if kind == "prefix" and whole_segments and uri.prefix != "/":
        prefix = uri.prefix.removesuffix("/")
        return path == prefix or path.startswith(f"{prefix}/")
    return holds(uri, path)


def words(match: StringMatch) -> str:
    """The match as a user wrote it."""
    kind = match.WhichOneof("match_type")
    return "anything" if kind is None else f"{kind} {getattr(match, kind) or '(any)'}"
