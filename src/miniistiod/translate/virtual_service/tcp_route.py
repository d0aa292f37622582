"""TCPRoute and TLSRoute → the clusters of a TCP proxy, and whether a match applies at all.

Subnets and SNI are matched by Envoy; port, gateways, labels and namespace are decided by us for each proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from miniistiod.api.istio.networking.virtual_service_pb2 import (
    Destination,
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
)


def applies(
    match: L4MatchAttributes | TLSMatchAttributes,
    port: int,
    gateways: Collection[str],
    labels: Mapping[str, str],
    namespace: str,
) -> bool:
    """Whether the match can hold for a proxy with these labels that serves these gateways at this port.

    Unlike in HTTP rules, gateways and labels must both hold when both are given.
    """
    return (
        (not match.gateways or any(gateway in gateways for gateway in match.gateways))
        and all(labels.get(key) == value for key, value in match.source_labels.items())
        and match.port in (0, port)
        and match.source_namespace in ("", namespace)
    )


def tcp_clusters(
    destinations: Sequence[RouteDestination], cluster: Callable[[Destination], str]
) -> dict[str, str | TcpProxy.WeightedCluster]:
    """The cluster field of TcpProxy: one cluster, or a split without the destinations of weight 0."""
    if len(destinations) == 1:
        return {"cluster": cluster(destinations[0].destination)}
    shares = [
        TcpProxy.WeightedCluster.ClusterWeight(name=cluster(d.destination), weight=d.weight)
        for d in destinations
        if d.weight > 0
    ]
    return {"weighted_clusters": TcpProxy.WeightedCluster(clusters=shares)}
