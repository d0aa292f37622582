"""All workloads by namespace and by address, from Pods, WorkloadEntries and connected proxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.mesh.workload import Workload


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadIndex:
    """All workloads; a connected proxy is left out when a Pod or a WorkloadEntry has its address."""

    all: tuple[Workload, ...]
    by_namespace: Mapping[str, tuple[Workload, ...]]
    by_address: Mapping[str, Workload]

    def at(self, address: str) -> Workload | None:
        """Who is behind an address."""
        return self.by_address.get(address)
