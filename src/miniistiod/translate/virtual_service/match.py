"""HTTPMatchRequest → RouteMatch: the part of it that Envoy decides for each request.

Port, gateways and the client's labels and namespace are decided by us for each proxy (see applies).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from envoy.config.route.v3 import route_components_pb2 as envoy
from envoy.type.matcher.v3 import metadata_pb2, regex_pb2
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, StringMatch
from miniistiod.translate.virtual_service.claim_match import claim_matcher, claim_path
from miniistiod.translate.virtual_service.string_match import is_presence, string_matcher

ANY_PATH = envoy.RouteMatch(prefix="/")


def applies(
    match: HTTPMatchRequest, port: int, gateways: Collection[str], labels: Mapping[str, str], namespace: str
) -> bool:
    """Whether the match can hold for a proxy with these labels that serves these gateways at this port.

    A match that names gateways is not limited by labels and namespace, even when it names those too.
    """
    if match.port not in (0, port):
        return False
    if match.gateways:
        return any(gateway in gateways for gateway in match.gateways)
    if any(labels.get(key) != value for key, value in match.source_labels.items()):
        return False
    return match.source_namespace in ("", namespace)


def route_match(match: HTTPMatchRequest | None, whole_segments: bool = False) -> envoy.RouteMatch:
    """What Envoy matches a request by; every request when there is no match.

    `whole_segments`: prefixes end at a slash, as the Gateway API has them.
    """
    if match is None:
        return ANY_PATH
    return envoy.RouteMatch(
        headers=[*_headers(match), *_pseudo_headers(match)],
        dynamic_metadata=_claims(match),
        query_parameters=[_query(name, value) for name, value in sorted(match.query_params.items())],
        case_sensitive=BoolValue(value=not match.ignore_uri_case),
        **_path(match, whole_segments),
    )


def is_catch_all(match: envoy.RouteMatch) -> bool:
    """Whether no request can pass it by; rules behind such a route are never reached."""
    every_path = match.prefix == "/" or match.path_separated_prefix == "/" or match.safe_regex.regex == ".*"
    return every_path and not (match.headers or match.query_parameters or match.dynamic_metadata)


def _path(match: HTTPMatchRequest, whole_segments: bool) -> dict[str, object]:
    match match.uri.WhichOneof("match_type"):
        case "exact":
            return {"path": match.uri.exact}
        case "regex":
            return {"safe_regex": regex_pb2.RegexMatcher(regex=match.uri.regex)}
        case "prefix" if whole_segments and match.uri.prefix != "/":
            return {"path_separated_prefix": match.uri.prefix.removesuffix("/")}
        case "prefix":
            return {"prefix": match.uri.prefix}
    return {"prefix": "/"}


def _headers(match: HTTPMatchRequest) -> list[envoy.HeaderMatcher]:
    """Ordered by name, those that must match before those that must not."""
    wanted = [_header(name, value) for name, value in match.headers.items() if claim_path(name) is None]
    refused = [
        _header(name, value, invert=True)
        for name, value in match.without_headers.items()
        if claim_path(name) is None
    ]
    return sorted(wanted + refused, key=lambda header: str(header.name))


def _pseudo_headers(match: HTTPMatchRequest) -> list[envoy.HeaderMatcher]:
    named = ((":method", "method"), (":authority", "authority"), (":scheme", "scheme"))
    return [_header(name, getattr(match, field)) for name, field in named if match.HasField(field)]


def _header(name: str, match: StringMatch, invert: bool = False) -> envoy.HeaderMatcher:
    """An absent header counts as empty when it must not match, but not for presence: Envoy refuses both."""
    if is_presence(match):
        return envoy.HeaderMatcher(name=name, present_match=True, invert_match=invert)
    return envoy.HeaderMatcher(
        name=name,
        string_match=string_matcher(match),
        invert_match=invert,
        treat_missing_header_as_empty=invert,
    )


def _claims(match: HTTPMatchRequest) -> list[metadata_pb2.MetadataMatcher]:
    """Ordered by name: Istio leaves the order to chance."""
    return [
        claim_matcher(path, value, invert)
        for headers, invert in ((match.headers, False), (match.without_headers, True))
        for name, value in sorted(headers.items())
        if (path := claim_path(name)) is not None
    ]


def _query(name: str, match: StringMatch) -> envoy.QueryParameterMatcher:
    if is_presence(match):
        return envoy.QueryParameterMatcher(name=name, present_match=True)
    return envoy.QueryParameterMatcher(name=name, string_match=string_matcher(match))
