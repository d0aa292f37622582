"""Which workloads the services of one namespace select, worked out again only when services or workloads
change.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.workload import Workload

Selected = Mapping[Service, tuple[Workload, ...]]
Buckets = Mapping[tuple[str, str], tuple[Service, ...]]


@kept
def selected_workloads(services: tuple[Service, ...], workloads: tuple[Workload, ...]) -> Selected:
    """For each service, which all have a selector, the workloads it selects, in their order."""
    buckets = by_one_label(services)
    found: dict[Service, list[Workload]] = {}
    for workload in workloads:
        for service in selecting(buckets, workload):
            found.setdefault(service, []).append(workload)
    return {service: tuple(each) for service, each in found.items()}


@kept
def selecting(buckets: BucketTable, workload: Workload) -> tuple[Service, ...]:
    """The services that select a workload."""
    items = workload.labels.items()
    return tuple(s for item in items for s in buckets.of.get(item, ()) if s.selector.items() <= items)


class BucketTable:
    """Services by one item of their selector, so that a workload is compared with few of them."""

    __slots__ = ("of",)

    def __init__(self, of: Buckets) -> None:
        self.of = of


@kept
def by_one_label(services: tuple[Service, ...]) -> BucketTable:
    """The table of these services; the item is the one whose value is the longest, so likely the rarest."""
    found: dict[tuple[str, str], list[Service]] = {}
    for each in services:
        found.setdefault(max(each.selector.items(), key=lambda item: (len(item[1]), item)), []).append(each)
    return BucketTable({item: tuple(each) for item, each in found.items()})
