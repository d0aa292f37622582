"""What analysers look at: the mesh, and every workload that runs or is described.

A Pod or Deployment without an address counts as well: a policy for it is not in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from miniistiod.api.kubernetes import core_pb2
from miniistiod.config import Store
from miniistiod.config.objects import AnyObject
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.service import Service
from miniistiod.proxy.node import Proxy

TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
"""Labels that a workload has from its machine."""


@dataclass(frozen=True, slots=True)
class Running:
    """A workload as far as selectors see it."""

    name: str
    namespace: str
    labels: Mapping[str, str]

    def carries(self, wanted: Mapping[str, str]) -> bool:
        """Whether it has all these labels."""
        return wanted.items() <= self.labels.items()


@dataclass(frozen=True)
class World:
    """One configuration."""

    store: Store
    mesh: Mesh
    proxies: tuple[Proxy, ...] = ()

    @cached_property
    def workloads(self) -> tuple[Running, ...]:
        """All of them."""
        return tuple(self._workloads())

    def _workloads(self) -> Iterator[Running]:
        machines = {node.name: node.labels for node in self.store.of(core_pb2.Node)}
        for pod in self.store.of(core_pb2.Pod):
            where = machines.get(pod.message.spec.node_name, {})
            place = {label: where[label] for label in TOPOLOGY if where.get(label)}
            yield Running(pod.name, pod.namespace, {**pod.labels, **place})
        for deployment in self.store.of(core_pb2.Deployment):
            labels = dict(deployment.message.spec.template.metadata.labels)
            yield Running(deployment.name, deployment.namespace, labels)
        for each in self.mesh.workloads.all:
            yield Running(each.name, each.namespace, each.labels)

    def selected(self, namespace: str | None, wanted: Mapping[str, str]) -> list[Running]:
        """Those with these labels in a namespace; None: in any."""
        return [w for w in self.workloads if namespace in (None, w.namespace) and w.carries(wanted)]

    def service(self, host: str, namespace: str) -> Service | None:
        """The service of this full name that clients of a namespace see: their own namespace's first."""
        services = self.mesh.services.of_host(host)
        own = [services[namespace]] if namespace in services else []
        return next((s for s in (*own, *services.values()) if s.visible_to(namespace)), None)

    def covered(self, host: str, namespace: str) -> list[Service]:
        """The services that a host with a wildcard stands for, as a namespace sees them."""
        return [s for s in self.mesh.services.visible(namespace) if s.hostname.endswith(host[1:])]

    def of(self, kind: str) -> tuple[AnyObject, ...]:
        """The documents of a kind."""
        return self.store.of_kind(kind)
