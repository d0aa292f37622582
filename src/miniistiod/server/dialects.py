"""The two protocols and the services that speak them, as a table: every method is served by the same code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from miniistiod.xds.delta import DeltaSession
from miniistiod.xds.message import Response
from miniistiod.xds.sotw import SotwSession
from miniistiod.xds.type_rules import CDS, ECDS, EDS, LDS, RDS, SDS
from miniistiod.xds.wire import delta_bytes, delta_request, sotw_bytes, sotw_request


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one protocol reads, thinks and writes."""

    name: str
    session: Callable[..., Any]
    request: Callable[[bytes], Any]
    response: Callable[[Response], bytes]


SOTW = Dialect("SotW", SotwSession, sotw_request, sotw_bytes)
DELTA = Dialect("Delta", DeltaSession, delta_request, delta_bytes)


SERVICES: dict[str, dict[str, tuple[Dialect, str]]] = {
    f"envoy.service.{service}": {f"Stream{what}": (SOTW, url), f"Delta{what}": (DELTA, url)}
    for service, what, url in (
        ("discovery.v3.AggregatedDiscoveryService", "AggregatedResources", ""),
        ("cluster.v3.ClusterDiscoveryService", "Clusters", CDS),
        ("endpoint.v3.EndpointDiscoveryService", "Endpoints", EDS),
        ("listener.v3.ListenerDiscoveryService", "Listeners", LDS),
        ("route.v3.RouteDiscoveryService", "Routes", RDS),
        ("secret.v3.SecretDiscoveryService", "Secrets", SDS),
        ("extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", ECDS),
    )
}
"""Service → method → protocol and the only type it serves; the aggregated service serves all (``)."""
