"""HTTPRoute.route with rewrite, timeout, retries and mirrors → RouteAction.

Without a timeout a request may take for ever. Destinations of weight 0 are left out of a split.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.route.v3 import route_components_pb2 as envoy
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRetry, HTTPRoute, HTTPRouteDestination
from miniistiod.translate.destination_rule.route_hash_policy import route_hash_policy
from miniistiod.translate.virtual_service.headers import header_operations
from miniistiod.translate.virtual_service.mirror import mirror_policies
from miniistiod.translate.virtual_service.place import Place
from miniistiod.translate.virtual_service.retry import retry_policy
from miniistiod.translate.virtual_service.rewrite import path_rewrite

NO_TIMEOUT = Duration()
MISSING_BACKEND = envoy.RouteAction.INTERNAL_SERVER_ERROR


def route_action(rule: HTTPRoute, match: envoy.RouteMatch, authority: str, place: Place) -> envoy.RouteAction:
    """Where the requests go and how. `authority` replaces the host, unless it is empty."""
    timeout = rule.timeout if rule.HasField("timeout") else NO_TIMEOUT
    whole_prefix = match.path_separated_prefix if place.gateway_api else None
    return envoy.RouteAction(
        timeout=timeout,
        max_grpc_timeout=timeout,
        request_mirror_policies=list(mirror_policies(rule, place.cluster)),
        retry_policy=_retries(rule, place),
        hash_policy=list(_hash_policies(rule, place)),
        append_x_forwarded_host=place.forwarded_host and rule.HasField("rewrite"),
        cluster_not_found_response_code=MISSING_BACKEND if place.gateway_api else None,
        **({"host_rewrite_literal": authority} if authority else {}),
        **path_rewrite(rule.rewrite, whole_prefix),
        **_clusters(rule, place),
    )


def default_route_action(cluster: str, retries: HTTPRetry | None) -> envoy.RouteAction:
    """The action of a service that no VirtualService speaks of; `retries` are the mesh's."""
    return envoy.RouteAction(
        cluster=cluster, timeout=NO_TIMEOUT, max_grpc_timeout=NO_TIMEOUT, retry_policy=retry_policy(retries)
    )


def _clusters(rule: HTTPRoute, place: Place) -> dict[str, object]:
    if len(rule.route) == 1:
        return {"cluster": place.cluster(rule.route[0].destination)}
    shares = [_share(destination, place) for destination in rule.route if destination.weight]
    return {"weighted_clusters": envoy.WeightedCluster(clusters=shares)}


def _share(destination: HTTPRouteDestination, place: Place) -> envoy.WeightedCluster.ClusterWeight:
    operations = header_operations(destination.headers)
    return envoy.WeightedCluster.ClusterWeight(
        name=place.cluster(destination.destination),
        weight=UInt32Value(value=destination.weight),
        **({"host_rewrite_literal": operations.authority} if operations.authority else {}),
        **operations.fields(),
    )


def _retries(rule: HTTPRoute, place: Place) -> envoy.RetryPolicy | None:
    hashed = len(rule.route) == 1 and place.hash_of(rule.route[0]) is not None
    return retry_policy(rule.retries if rule.HasField("retries") else place.default_retries, hashed)


def _hash_policies(rule: HTTPRoute, place: Place) -> Iterator[envoy.RouteAction.HashPolicy]:
    """Of every destination that takes part, though Envoy will use them for all of the split."""
    for destination in rule.route:
        consistent = place.hash_of(destination) if destination.weight or len(rule.route) == 1 else None
        if consistent is not None and (policy := route_hash_policy(consistent)) is not None:
            yield policy
