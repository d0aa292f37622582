"""What of a client decides which endpoints it is sent, and in which order.

A value, cut down to what plays a part, so that clients for which nothing differs share one assignment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from miniistiod.api.istio.networking.destination_rule_pb2 import (
    LocalityLoadBalancerSetting,
    ZoneAwareLoadBalancerSetting,
)
from miniistiod.generate.cluster_policy import ClusterPolicy
from miniistiod.mesh.locality import with_topology
from miniistiod.mesh.service import Service
from miniistiod.proxy.node import Proxy
from miniistiod.translate.destination_rule.locality_groups import Client, locality
from miniistiod.translate.destination_rule.zone_aware_lb_setting import is_on


@dataclass(frozen=True, slots=True)
class EndpointView:
    """Where a client is: `region/zone/sub-zone`, its labels (sorted), its network and its Kubernetes node."""

    locality: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    network: str = ""
    node: str = ""
    ipv4: bool = True
    ipv6: bool = True

    @property
    def client(self) -> Client:
        """As locality rules see it."""
        return Client(locality(self.locality), dict(self.labels))


def endpoint_view(proxy: Proxy) -> EndpointView:
    """All of it."""
    labels = with_topology(proxy.labels, proxy.locality, proxy.cluster, proxy.node_name, proxy.network)
    return EndpointView(
        proxy.locality,
        tuple(sorted(labels.items())),
        proxy.network,
        proxy.node_name,
        proxy.supports_ipv4,
        proxy.supports_ipv6,
    )


def narrowed(view: EndpointView, service: Service, policy: ClusterPolicy, networks: bool) -> EndpointView:
    """What plays a part for one cluster. `networks`: the mesh has several, with gateways between them."""
    place, names = _of_locality(policy)
    labels = dict(view.labels)
    return replace(
        view if networks else EndpointView(),
        locality=view.locality if place else "",
        labels=tuple((name, labels.get(name, "")) for name in sorted(names)),
        node=view.node if service.node_local else "",
    )


def joined_views(one: EndpointView, other: EndpointView) -> EndpointView:
    """What plays a part for either of two clusters."""
    return EndpointView(
        one.locality or other.locality,
        tuple(sorted({*one.labels, *other.labels})),
        one.network or other.network,
        one.node or other.node,
        one.ipv4 and other.ipv4,
        one.ipv6 and other.ipv6,
    )


def _of_locality(policy: ClusterPolicy) -> tuple[bool, frozenset[str]]:
    """Whether the client's place counts, and which of its labels do."""
    if policy.locality is None:
        return False, frozenset()
    setting = policy.locality.setting
    fails_over = policy.locality.forced or policy.outlier is not None
    match setting:
        case ZoneAwareLoadBalancerSetting():
            used, place = is_on(setting), is_on(setting)
        case LocalityLoadBalancerSetting():
            used = fails_over and not setting.distribute
            place = bool(setting.distribute) or (
                fails_over and bool(setting.failover or not setting.failover_priority)
            )
    names = {label.split("=")[0] for label in setting.failover_priority} if used else ()
    return place, frozenset(names)
