"""LocalityLoadBalancerSetting.distribute → weights: so much of a client's traffic to each place.

The first entry whose `from` takes the client in is used. Places that it does not name lose their endpoints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from miniistiod.api.istio.networking.destination_rule_pb2 import LocalityLoadBalancerSetting
from miniistiod.translate.destination_rule.locality_groups import Client, Group, matches


def distribute(
    entries: Iterable[LocalityLoadBalancerSetting.Distribute], groups: Sequence[Group], client: Client
) -> tuple[Group, ...]:
    """The groups with the weights of the client's entry, or as they are when it has none."""
    entry = next((e for e in entries if matches(client.locality, getattr(e, "from"))), None)
    if entry is None:
        return tuple(groups)
    weights = _weights(entry, groups)
    return tuple(
        replace(group, weight=weights[index]) if index in weights else replace(group, members=())
        for index, group in enumerate(groups)
    )


def _weights(entry: LocalityLoadBalancerSetting.Distribute, groups: Sequence[Group]) -> dict[int, int | None]:
    """The new weight of each group that is named, by its index.

    A place that takes in several groups is divided among them by the weights they had. A share of 0 leaves
    a group the weight it had. Narrower names are looked at first, so that the outcome does not depend on
    the order of a map.
    """
    weights: dict[int, int | None] = {}
    for place in sorted(entry.to, key=lambda name: (name.count("*"), -name.count("/"), name)):
        named = [i for i, g in enumerate(groups) if i not in weights and matches(g.locality, place)]
        total = sum(_own(groups[i]) for i in named)
        for index in named:
            share = math.ceil(_own(groups[index]) * entry.to[place] / total) if total else 0
            weights[index] = share or groups[index].weight
    return weights


def _own(group: Group) -> int:
    return 1 if group.weight is None else group.weight
