"""HTTPRoute under one of its matches → Route."""

from __future__ import annotations

from envoy.config.route.v3 import route_components_pb2 as envoy
from google.protobuf.any_pb2 import Any

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, HTTPRoute
from miniistiod.translate.virtual_service import headers
from miniistiod.translate.virtual_service.cors import cors_policy
from miniistiod.translate.virtual_service.direct_response import direct_response_action
from miniistiod.translate.virtual_service.fault import fault
from miniistiod.translate.virtual_service.match import route_match
from miniistiod.translate.virtual_service.place import Place
from miniistiod.translate.virtual_service.redirect import redirect_action
from miniistiod.translate.virtual_service.route_action import route_action
from miniistiod.vocab import cluster_name
from miniistiod.vocab.packing import packed

FAULT_FILTER = "envoy.filters.http.fault"
CORS_FILTER = "envoy.filters.http.cors"


def http_route(rule: HTTPRoute, match: HTTPMatchRequest | None, place: Place) -> envoy.Route:
    """The route of this rule for requests of this match; of all requests without one."""
    wanted = route_match(match, place.gateway_api)
    operations = _operations(rule)
    action = _action(rule, wanted, rule.rewrite.authority or operations.authority, place)
    route = envoy.Route(
        name=_name(rule, match),
        match=wanted,
        metadata=place.metadata,
        stat_prefix=match.stat_prefix if match is not None else "",
        typed_per_filter_config=_filter_settings(rule),
        **action,
        **operations.fields(),
    )
    route.decorator.operation = operation(route, place)
    return route


def operation(route: envoy.Route, place: Place) -> str:
    """What traces call the route: where it leads and which paths it takes."""
    target = cluster_name.parsed(route.route.cluster)
    host = f"{target.host}:{target.port}" if target else f"{place.name}:{place.port}"
    return host + _path(route.match)


def _path(match: envoy.RouteMatch) -> str:
    match match.WhichOneof("path_specifier"):
        case "prefix":
            return f"{match.prefix}*"
        case "path":
            return str(match.path)
        case "safe_regex":
            return str(match.safe_regex.regex)
    return "/*"


def _name(rule: HTTPRoute, match: HTTPMatchRequest | None) -> str:
    return f"{rule.name}.{match.name}" if match is not None and match.name else rule.name


def _operations(rule: HTTPRoute) -> headers.HeaderOperations:
    """Those of the rule and, after them, those of its destination when that is the only one."""
    own = headers.header_operations(rule.headers)
    if len(rule.route) != 1 or rule.HasField("redirect") or rule.HasField("direct_response"):
        return own
    return own.then(headers.header_operations(rule.route[0].headers))


def _action(rule: HTTPRoute, match: envoy.RouteMatch, authority: str, place: Place) -> dict[str, object]:
    if rule.HasField("redirect"):
        redirect = redirect_action(rule.redirect, place.port, place.tls)
        return {} if redirect is None else {"redirect": redirect}
    if rule.HasField("direct_response"):
        return {"direct_response": direct_response_action(rule.direct_response)}
    return {"route": route_action(rule, match, authority, place)}


def _filter_settings(rule: HTTPRoute) -> dict[str, Any]:
    settings = {}
    if rule.HasField("fault"):
        settings[FAULT_FILTER] = packed(fault(rule.fault))
    if rule.HasField("cors_policy"):
        settings[CORS_FILTER] = packed(cors_policy(rule.cors_policy))
    return settings
