"""All services, and which of them a client's namespace may see.

Which of two wins for one host name in one namespace: the Kubernetes Service, then the older.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.mesh.service import Service


@dataclass(frozen=True, slots=True, eq=False)
class ServiceIndex:
    """All services, oldest first; ExternalName aliases stand at the services they point to, and as services."""

    all: tuple[Service, ...]
    by_host: Mapping[str, Mapping[str, Service]]
    exported: Mapping[str, tuple[Service, ...]]
    public: tuple[Service, ...]

    def visible(self, namespace: str) -> tuple[Service, ...]:
        """What clients in a namespace may see: private and explicitly exported ones, then public ones."""
        return self.exported.get(namespace, ()) + self.public

    def of_host(self, hostname: str) -> Mapping[str, Service]:
        """The services of one host name by their namespace."""
        return self.by_host.get(hostname, {})

    def service(self, hostname: str, namespace: str) -> Service | None:
        """The service of one host name and namespace."""
        return self.of_host(hostname).get(namespace)
