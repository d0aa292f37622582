"""ZoneAwareLoadBalancerSetting → Envoy's own zone-aware balancing, and priorities by region.

The client's region comes first, so that Envoy balances among its zones; then the one that `failover` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.type.v3.percent_pb2 import Percent
from google.protobuf.wrappers_pb2 import UInt64Value

from miniistiod.api.istio.networking.destination_rule_pb2 import ZoneAwareLoadBalancerSetting
from miniistiod.translate.destination_rule.failover_priority import failover_priority
from miniistiod.translate.destination_rule.locality_groups import Client, Group, compacted

STEPS = 3


def zone_aware_config(setting: ZoneAwareLoadBalancerSetting) -> Cluster.CommonLbConfig.ZoneAwareLbConfig:
    """Switched off it is written too: Envoy would balance by zone on its own."""
    smallest = setting.min_cluster_size.value
    return Cluster.CommonLbConfig.ZoneAwareLbConfig(
        routing_enabled=None if is_on(setting) else Percent(value=0),
        min_cluster_size=UInt64Value(value=smallest) if setting.HasField("min_cluster_size") else None,
    )


def is_on(setting: ZoneAwareLoadBalancerSetting) -> bool:
    """On unless `enabled` is false."""
    return not setting.HasField("enabled") or setting.enabled.value


def zone_aware_priorities(
    setting: ZoneAwareLoadBalancerSetting, groups: Sequence[Group], client: Client, labelled: bool = True
) -> tuple[Group, ...]:
    """The groups with their priorities; `labelled` is whether the labels of the endpoints are known."""
    if not is_on(setting):
        return tuple(groups)
    if setting.failover_priority and labelled:
        groups = failover_priority(setting.failover_priority, groups, client)
    region = client.locality.region
    return compacted(
        replace(g, priority=g.priority * STEPS + _priority(setting, region, g.locality.region))
        for g in groups
    )


def _priority(setting: ZoneAwareLoadBalancerSetting, client: str, place: str) -> int:
    if client == place:
        return 0
    entry = next((e for e in setting.failover if getattr(e, "from") == client), None)
    return 1 if entry is not None and entry.to == place else 2
