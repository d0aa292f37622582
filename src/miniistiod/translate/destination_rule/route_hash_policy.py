"""LoadBalancerSettings.ConsistentHashLB → RouteAction.HashPolicy: what of a request decides its endpoint."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RouteAction

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings

Hash = RouteAction.HashPolicy


def route_hash_policy(consistent: LoadBalancerSettings.ConsistentHashLB) -> RouteAction.HashPolicy | None:
    """The policy, or None when no key is named."""
    match consistent.WhichOneof("hash_key"):
        case "http_header_name":
            return Hash(header=Hash.Header(header_name=consistent.http_header_name))
        case "http_cookie":
            return Hash(cookie=_cookie(consistent.http_cookie))
        case "use_source_ip":
            return Hash(connection_properties=Hash.ConnectionProperties(source_ip=consistent.use_source_ip))
        case "http_query_parameter_name":
            return Hash(query_parameter=Hash.QueryParameter(name=consistent.http_query_parameter_name))
    return None


def _cookie(cookie: LoadBalancerSettings.ConsistentHashLB.HTTPCookie) -> RouteAction.HashPolicy.Cookie:
    """With a lifetime, even of zero, Envoy makes the cookie itself when a request has none."""
    return Hash.Cookie(
        name=cookie.name,
        path=cookie.path,
        ttl=cookie.ttl if cookie.HasField("ttl") else None,
        attributes=[Hash.CookieAttribute(name=a.name, value=a.value) for a in cookie.attributes],
    )
