"""LocalityLoadBalancerSetting.failover → priorities by how near an endpoint is to the client.

Same sub-zone, same zone, same region, then the region that `failover` names for the client's, then the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from miniistiod.api.istio.networking.destination_rule_pb2 import LocalityLoadBalancerSetting
from miniistiod.translate.destination_rule.locality_groups import Client, Group, Locality, compacted

ELSEWHERE = 3
"""Another region."""
STEPS = 5
"""How many priorities there can be; they refine those the groups have already."""


def failover(
    entries: Sequence[LocalityLoadBalancerSetting.Failover], groups: Iterable[Group], client: Client
) -> tuple[Group, ...]:
    """The groups with their priorities."""
    return compacted(
        replace(g, priority=g.priority * STEPS + _priority(entries, client.locality, g.locality))
        for g in groups
    )


def distance(client: Locality, place: Locality) -> int:
    """0 for the same sub-zone to 3 for another region."""
    if client.region != place.region:
        return ELSEWHERE
    if client.zone != place.zone:
        return 2
    return 0 if client.sub_zone == place.sub_zone else 1


def _priority(
    entries: Iterable[LocalityLoadBalancerSetting.Failover], client: Locality, place: Locality
) -> int:
    steps = distance(client, place)
    if steps < ELSEWHERE:
        return steps
    entry = next((e for e in entries if getattr(e, "from") == client.region), None)
    return ELSEWHERE if entry is None or entry.to == place.region else ELSEWHERE + 1
