"""HTTPMirrorPolicy, and the older mirror with its percentage → RequestMirrorPolicy.

No percentage means all requests; a percentage of zero means no mirror at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from envoy.config.core.v3.base_pb2 import RuntimeFractionalPercent
from envoy.config.route.v3.route_components_pb2 import RouteAction
from envoy.type.v3.percent_pb2 import FractionalPercent
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.networking.virtual_service_pb2 import Destination, HTTPMirrorPolicy, HTTPRoute
from miniistiod.translate.virtual_service.percent import fraction, whole_fraction


def mirror_policies(
    route: HTTPRoute, cluster: Callable[[Destination], str]
) -> Iterator[RouteAction.RequestMirrorPolicy]:
    """`mirror` first, then `mirrors` in their order. `cluster` names the cluster of a destination."""
    if route.HasField("mirror") and (share := _share_of_mirror(route)) is not None:
        yield _policy(cluster(route.mirror), share)
    for mirror in route.mirrors:
        if mirror.HasField("destination") and (share := _share(mirror)) is not None:
            yield _policy(cluster(mirror.destination), share)


def _policy(cluster: str, share: FractionalPercent) -> RouteAction.RequestMirrorPolicy:
    return RouteAction.RequestMirrorPolicy(
        cluster=cluster,
        runtime_fraction=RuntimeFractionalPercent(default_value=share),
        trace_sampled=BoolValue(value=False),
        disable_shadow_host_suffix_append=True,
    )


def _share_of_mirror(route: HTTPRoute) -> FractionalPercent | None:
    if route.HasField("mirror_percentage"):
        return fraction(route.mirror_percentage) if route.mirror_percentage.value > 0 else None
    if route.HasField("mirror_percent"):
        return whole_fraction(route.mirror_percent.value) if route.mirror_percent.value > 0 else None
    return whole_fraction(100)


def _share(mirror: HTTPMirrorPolicy) -> FractionalPercent | None:
    if not mirror.HasField("percentage"):
        return whole_fraction(100)
    return fraction(mirror.percentage) if mirror.percentage.value > 0 else None
