"""Which service an extension provider means: HOST if only one namespace has it, or NAMESPACE/HOST.

Any service of the mesh counts, whether the proxy may see it or not.
"""

from __future__ import annotations

from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.translate.mesh_config.collector import Collector
from miniistiod.vocab.cluster_name import outbound


def provider_service(services: ServiceIndex, name: str) -> Service | None:
    """The service, or None when there is none or more than one."""
    parts = name.split("/")
    if len(parts) == 2:
        return services.service(parts[1], parts[0])
    found = tuple(services.of_host(name).values())
    return found[0] if len(found) == 1 else None


@kept
def collector(services: ServiceIndex, name: str, port: int) -> Collector | None:
    """The host and the cluster of a provider's service at this port."""
    service = provider_service(services, name) if name else None
    return None if service is None else Collector(service.hostname, outbound(service.hostname, port))
