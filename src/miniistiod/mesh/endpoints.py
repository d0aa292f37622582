"""The endpoints of every service, from EndpointSlices, Pods, WorkloadEntries, ServiceEntries and connected proxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.mesh.service import NO_ENDPOINTS, Service, ServiceEndpoints


@dataclass(frozen=True, slots=True, eq=False)
class EndpointIndex:
    """The endpoints by the key of their service; each value stays the same object until one of it changes."""

    by_service: Mapping[tuple[str, str], ServiceEndpoints]

    def of(self, service: Service) -> ServiceEndpoints:
        """The endpoints of one service, with those of other services of the same host and namespace."""
        return self.by_service.get(service.key, NO_ENDPOINTS)
