"""The modes of mutual TLS with which a workload accepts connections: for all ports, and for single ones.

The workload's own policy beats the namespace's, which beats the mesh's; UNSET takes what stands above it.
"""

from __future__ import annotations

from dataclasses import dataclass

from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.config.objects import Object

Mode = PeerAuthentication.MutualTLS.Mode
Policies = tuple[Object[PeerAuthentication], ...]


@dataclass(frozen=True, slots=True)
class InboundModes:
    """`ports` are those for which the workload's policy says something: (container port, mode), by port."""

    mode: Mode = Mode.PERMISSIVE
    ports: tuple[tuple[int, Mode], ...] = ()

    def of(self, port: int) -> Mode:
        """The mode of one container port."""
        return dict(self.ports).get(port, self.mode)


def inbound_modes(policies: Policies, root_namespace: str) -> InboundModes:
    """The modes that these policies come to. They are all that apply, older ones first."""
    mesh, namespace, own = _levels(policies, root_namespace)
    mode = Mode.PERMISSIVE
    for policy in (mesh, namespace, own):
        if policy is not None:
            mode = policy.message.mtls.mode or mode
    if own is None:
        return InboundModes(mode)
    ports = own.message.port_level_mtls
    return InboundModes(mode, tuple((port, ports[port].mode or mode) for port in sorted(ports)))


def _levels(policies: Policies, root_namespace: str) -> tuple[Object[PeerAuthentication] | None, ...]:
    """The oldest of each level: mesh, namespace, workload. The mesh has no policies for single workloads."""
    found: dict[str, Object[PeerAuthentication]] = {}
    for policy in sorted(policies, key=lambda p: p.age):
        in_root = policy.namespace == root_namespace
        if not policy.message.selector.match_labels:
            found.setdefault("mesh" if in_root else "namespace", policy)
        elif not in_root:
            found.setdefault("workload", policy)
    return found.get("mesh"), found.get("namespace"), found.get("workload")
