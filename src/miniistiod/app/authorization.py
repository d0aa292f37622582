"""A configuration and the name of a workload → the policies in force on it, and the verdict on a request.

A workload is a Pod, a Deployment or a WorkloadEntry, named NAME or NAME.NAMESPACE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from miniistiod.api.istio.networking.workload_entry_pb2 import WorkloadEntry
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config import Store
from miniistiod.config.objects import Object
from miniistiod.generate.authorization_filters import Policies
from miniistiod.generate.authorization_verdict import Verdict, verdict
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.snapshot import snapshot
from miniistiod.vocab.asked import Asked


class NoWorkload(LookupError):
    """There is no workload of that name, or more than one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The workload that policies are asked for."""

    origin: Object[Any]
    labels: Mapping[str, str]

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return self.origin.namespace

    def policies(self, mesh: Mesh) -> Policies:
        """The AuthorizationPolicies in force on it."""
        return mesh.authorization_policies.of_workload(self.namespace, self.labels)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The policies on one workload."""

    subject: Subject
    mesh: Mesh

    @property
    def policies(self) -> Policies:
        """Those in force, the root namespace's first."""
        return self.subject.policies(self.mesh)

    def verdict(self, asked: Asked, tcp: bool) -> Verdict:
        """What happens to a request."""
        return verdict(self.policies, self.mesh.settings.trust_domains, asked, tcp)


def authorization(store: Store, workload: str) -> Authorization:
    """The policies on the workload of that name. Raises NoWorkload."""
    name, _, namespace = workload.partition(".")
    found = [s for s in subjects(store) if s.origin.name == name and namespace in ("", s.namespace)]
    if not found:
        known = ", ".join(sorted({f"{s.origin.name}.{s.namespace}" for s in subjects(store)})) or "none"
        raise NoWorkload(f"no workload {workload}; there are {known}")
    if len({s.namespace for s in found}) > 1:
        several = ", ".join(sorted(f"{s.origin.name}.{s.namespace}" for s in found))
        raise NoWorkload(f"{workload} may be {several}")
    return Authorization(found[0], snapshot(store))


def subjects(store: Store) -> Iterator[Subject]:
    """Everything that policies can select."""
    for pod in store.of(core_pb2.Pod):
        yield Subject(pod, pod.labels)
    for deployment in store.of(core_pb2.Deployment):
        yield Subject(deployment, deployment.message.spec.template.metadata.labels)
    for entry in store.of(WorkloadEntry):
        yield Subject(entry, {**entry.labels, **entry.message.labels})
