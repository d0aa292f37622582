"""Which Sidecar is in force for a workload: one of its namespace that selects it, one that selects all, the
root's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from miniistiod.api.istio.networking import sidecar_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import selected

Sidecar = Object[sidecar_pb2.Sidecar]


@dataclass(frozen=True, slots=True, eq=False)
class SidecarIndex:
    """The Sidecars by namespace, those with a selector first, and the one of the root namespace without."""

    by_namespace: Mapping[str, tuple[Sidecar, ...]]
    root: Sidecar | None

    def of_workload(self, namespace: str, labels: Mapping[str, str]) -> Sidecar | None:
        """The one in force, None where nothing limits what a proxy sees."""
        for each in self.by_namespace.get(namespace, ()):
            if selected(each.message.workload_selector.labels, labels):
                return each
        return standing_in(self.root, namespace) if self.root is not None else None


@kept
def standing_in(root: Sidecar, namespace: str) -> Sidecar:
    """The Sidecar of the root namespace as if it stood in a workload's own one, which is the name it gets in
    what is made from it."""
    return replace(root, namespace=namespace)


@kept
def sidecar_index(objects: tuple[Sidecar, ...], root_namespace: str) -> SidecarIndex:
    """The index of these Sidecars, which come oldest first."""
    ordered = sorted(objects, key=lambda each: not each.message.HasField("workload_selector"))
    with_selector = sum(each.message.HasField("workload_selector") for each in objects)
    plain = (s for s in ordered[with_selector:] if s.namespace == root_namespace)
    return SidecarIndex(grouped(ordered), next(plain, None))


def grouped(objects: Iterable[Sidecar]) -> Mapping[str, tuple[Sidecar, ...]]:
    """By namespace, in the same order."""
    found: dict[str, list[Sidecar]] = {}
    for each in objects:
        found.setdefault(each.namespace, []).append(each)
    return {namespace: tuple(each) for namespace, each in found.items()}
