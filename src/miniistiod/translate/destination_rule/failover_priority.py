"""failoverPriority → priorities by how many labels, from the first on, an endpoint shares with the client.

A group whose endpoints differ in that is split. `key=value` compares with this value instead of the client's.
A first label `topology.istio.io/network` that differs puts an endpoint behind all others of its kind, and the
other labels still count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from miniistiod.translate.destination_rule.locality_groups import Client, Group, compacted

NETWORK = "topology.istio.io/network"


def failover_priority(labels: Sequence[str], groups: Sequence[Group], client: Client) -> tuple[Group, ...]:
    """The groups by priority; as they are when nothing is known of the client."""
    if not client.labels:
        return tuple(groups)
    wanted = _wanted(labels, client.labels)
    return compacted(part for group in groups for part in _split(group, wanted))


def _wanted(labels: Sequence[str], own: Mapping[str, str]) -> list[tuple[str, str]]:
    """What each label should be. A value once given holds for every mention of its key."""
    parts = [label.split("=") for label in labels]
    given = {part[0]: part[1] for part in parts if len(part) == 2}
    return [(part[0], given.get(part[0], own.get(part[0], ""))) for part in parts]


def _split(group: Group, wanted: Sequence[tuple[str, str]]) -> Iterable[Group]:
    priorities = [_priority(member.labels, wanted) for member in group.members]
    for priority in sorted(set(priorities)):
        members = tuple(m for m, p in zip(group.members, priorities, strict=True) if p == priority)
        yield replace(group, members=members, priority=priority, weight=sum(m.weight for m in members))


def _priority(labels: Mapping[str, str], wanted: Sequence[tuple[str, str]]) -> int:
    behind = 0
    for index, (key, value) in enumerate(wanted):
        if labels.get(key, "") == value:
            continue
        if index == 0 and key == NETWORK:
            behind = len(wanted)
            continue
        return behind + len(wanted) - index
    return behind
