"""The locality rule in force for a cluster → its priorities, weights and common_lb_config.

The DestinationRule's setting comes first, then the Service's trafficDistribution, then the mesh's; at each
level the zone-aware setting before the other. Failover needs something that notices failures: outlier
detection, or endpoints sent with their health, as trafficDistribution has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.type.v3.percent_pb2 import Percent

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import (
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
    OutlierDetection,
    ZoneAwareLoadBalancerSetting,
)
from miniistiod.translate.destination_rule.distribute import distribute
from miniistiod.translate.destination_rule.failover import failover
from miniistiod.translate.destination_rule.failover_priority import NETWORK, failover_priority
from miniistiod.translate.destination_rule.locality_groups import Client, Group
from miniistiod.translate.destination_rule.zone_aware_lb_setting import (
    zone_aware_config,
    zone_aware_priorities,
)

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
SUB_ZONE = "topology.istio.io/subzone"
HOST = "kubernetes.io/hostname"

TRAFFIC_DISTRIBUTION = {
    "PreferSameZone": (NETWORK, REGION, ZONE),
    "PreferSameNode": (NETWORK, REGION, ZONE, SUB_ZONE, HOST),
}
"""What a Service's trafficDistribution means, as failover priorities."""

NONE = LocalityLoadBalancerSetting()


@dataclass(frozen=True, slots=True)
class LocalityRule:
    """The setting in force; `forced` is failover that needs no outlier detection."""

    setting: LocalityLoadBalancerSetting | ZoneAwareLoadBalancerSetting
    forced: bool = False


def locality_rule(
    own: LoadBalancerSettings | None, mesh: MeshConfig, traffic_distribution: str = ""
) -> LocalityRule | None:
    """The rule in force, or None when locality plays no part."""
    if own is not None and own.HasField("zone_aware_lb_setting"):
        return LocalityRule(own.zone_aware_lb_setting)
    if own is not None and own.HasField("locality_lb_setting"):
        return _unless_off(own.locality_lb_setting)
    if traffic_distribution in TRAFFIC_DISTRIBUTION:
        labels = TRAFFIC_DISTRIBUTION[traffic_distribution]
        return LocalityRule(LocalityLoadBalancerSetting(failover_priority=labels), forced=True)
    if mesh.HasField("zone_aware_lb_setting"):
        return LocalityRule(mesh.zone_aware_lb_setting)
    return _unless_off(mesh.locality_lb_setting) if mesh.HasField("locality_lb_setting") else None


def localised(
    rule: LocalityRule | None, groups: Sequence[Group], client: Client, ejects: bool, labelled: bool = True
) -> tuple[Group, ...]:
    """The groups as the rule wants them for this client.

    `ejects`: the cluster has outlier detection. `labelled`: the labels of the endpoints are known; they are
    not in the subsets of clusters that ask DNS, where failoverPriority therefore does nothing.
    """
    match rule:
        case LocalityRule(ZoneAwareLoadBalancerSetting() as zone_aware):
            return zone_aware_priorities(zone_aware, groups, client, labelled)
        case LocalityRule(LocalityLoadBalancerSetting() as setting, forced):
            return _by_locality(setting, groups, client, ejects or forced, labelled)
        case _:
            return tuple(groups)


def common_lb_config(
    rule: LocalityRule | None, outlier: OutlierDetection | None, needs_unhealthy: bool = False
) -> Cluster.CommonLbConfig:
    """Weights among localities, and the share of healthy endpoints below which Envoy uses them all.

    That panic is off unless minHealthPercent asks for it; it stays off for a service that is sent its
    unhealthy endpoints as well (`needs_unhealthy`).
    """
    minimum = 0 if outlier is None or needs_unhealthy else max(outlier.min_health_percent, 0)
    config = Cluster.CommonLbConfig(healthy_panic_threshold=Percent(value=minimum))
    match rule:
        case LocalityRule(ZoneAwareLoadBalancerSetting() as zone_aware):
            config.zone_aware_lb_config.CopyFrom(zone_aware_config(zone_aware))
        case LocalityRule(LocalityLoadBalancerSetting() as setting, forced):
            if _weighted(setting, forced or outlier is not None):
                config.locality_weighted_lb_config.SetInParent()
    return config


def _unless_off(setting: LocalityLoadBalancerSetting) -> LocalityRule | None:
    off = setting.HasField("enabled") and not setting.enabled.value
    return None if off else LocalityRule(setting)


def _weighted(setting: LocalityLoadBalancerSetting, fails_over: bool) -> bool:
    return bool(setting.distribute) or (fails_over and bool(setting.failover or setting.failover_priority))


def _by_locality(
    setting: LocalityLoadBalancerSetting,
    groups: Sequence[Group],
    client: Client,
    fails_over: bool,
    labelled: bool,
) -> tuple[Group, ...]:
    if setting.distribute:
        return distribute(setting.distribute, groups, client)
    if not fails_over:
        return tuple(groups)
    if not setting.failover_priority:
        return failover(setting.failover, groups, client)
    if labelled:
        groups = failover_priority(setting.failover_priority, groups, client)
    return failover(setting.failover, groups, client) if setting.failover else tuple(groups)
