"""What a proxy serves: the ports of the services that its workload is an endpoint of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.service import Port, Service


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """One port of a service, and the port of this workload it leads to. A value: it can be a key."""

    service: Service
    port: Port
    target_port: int


def service_targets(
    mesh: Mesh, addresses: tuple[str, ...], namespace: str, labels: Mapping[str, str]
) -> tuple[ServiceTarget, ...]:
    """The service ports that lead to a workload with these addresses, oldest service first."""
    raise NotImplementedError
