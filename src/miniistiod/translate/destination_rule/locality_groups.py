"""The endpoints of one locality and how much of the traffic they get: what locality rules read and rewrite.

Values, so that each rule gives new groups and leaves the old ones as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint


@dataclass(frozen=True, slots=True)
class Locality:
    """Where something runs; "" is unknown."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One endpoint, its share within its group, the labels of its workload, its network and cluster."""

    endpoint: LbEndpoint
    weight: int
    labels: Mapping[str, str]
    network: str = ""
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints in one place. `weight` is the group's share within its priority, None when it has none.

    Priority 0 is the first choice; a later one gets traffic as far as those before it are unhealthy.
    """

    locality: Locality
    members: tuple[Member, ...]
    weight: int | None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Client:
    """What locality rules compare endpoints with."""

    locality: Locality = Locality()
    labels: Mapping[str, str] = field(default_factory=dict)


def locality(text: str) -> Locality:
    """`region/zone/sub-zone`, of which later parts may be missing."""
    return Locality(*text.split("/", 3)[:3])


def matches(place: Locality, rule: str) -> bool:
    """Whether a rule's `region/zone/sub-zone` takes this place in; `*` and a missing part take in all."""
    wanted = locality(rule)
    return (
        wanted.region in ("*", place.region)
        and wanted.zone in ("*", "", place.zone)
        and wanted.sub_zone in ("*", "", place.sub_zone)
    )


def compacted(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The same groups with priorities 0, 1, 2 ...: Envoy does not accept a gap."""
    groups = tuple(groups)
    ranks = {priority: rank for rank, priority in enumerate(sorted({g.priority for g in groups}))}
    return tuple(replace(g, priority=ranks[g.priority]) for g in groups)
