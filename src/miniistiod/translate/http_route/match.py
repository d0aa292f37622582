"""HTTPRouteMatch → HTTPMatchRequest. A missing path is the prefix `/`, a missing type is Exact."""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPHeaderMatch, HTTPQueryParamMatch, HTTPRouteMatch
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, StringMatch
from miniistiod.translate.http_route.unusable import Unusable

CONFIGURATION = "InvalidConfiguration"


def match(route_match: HTTPRouteMatch) -> HTTPMatchRequest:
    """The match; Unusable for a type that Istio does not know."""
    method = StringMatch(exact=route_match.method) if route_match.method else None
    return HTTPMatchRequest(
        uri=_path(route_match),
        headers=_values(route_match.headers),
        query_params=_values(route_match.query_params),
        method=method,
    )


def _path(route_match: HTTPRouteMatch) -> StringMatch:
    path = route_match.path
    value = path.value if path.HasField("value") else "/"
    match path.type or "PathPrefix":
        case "PathPrefix":
            return StringMatch(prefix=value if value == "/" else value.removesuffix("/"))
        case "Exact":
            return StringMatch(exact=value)
        case "RegularExpression":
            return StringMatch(regex=value)
    raise Unusable(f"path match type {path.type!r} is not supported", CONFIGURATION)


def _values(matches: Iterable[HTTPHeaderMatch | HTTPQueryParamMatch]) -> dict[str, StringMatch]:
    return {each.name: _value(each) for each in matches}


def _value(each: HTTPHeaderMatch | HTTPQueryParamMatch) -> StringMatch:
    match each.type or "Exact":
        case "Exact":
            return StringMatch(exact=each.value)
        case "RegularExpression":
            return StringMatch(regex=each.value)
    raise Unusable(f"match type {each.type!r} of {each.name!r} is not supported", CONFIGURATION)
