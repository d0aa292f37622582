"""inboundClusterStatName and outboundClusterStatName → the name under which a service is counted."""

from __future__ import annotations

from miniistiod.mesh.service import Registry, Service


def outbound_stat_name(
    pattern: str,
    service: Service | None,
    subset: str,
    port: int,
    port_name: str = "",
    host: str = "",
    target_port: int = 0,
) -> str:
    """The pattern with its words replaced; a host that is not Kubernetes' own has no shorter form."""
    names = _names(service, host or (service.hostname if service is not None else ""))
    words = {**names, "%SUBSET_NAME%": subset, "%TARGET_PORT%": str(target_port)}
    return _replaced(pattern, words, port, port_name)


def inbound_stat_name(pattern: str, service: Service | None, host: str, port: int, port_name: str) -> str:
    """The same for a port of the workload itself, which may have no service."""
    return _replaced(pattern, {**_names(service, host), "%SUBSET_NAME%": ""}, port, port_name)


def _names(service: Service | None, host: str) -> dict[str, str]:
    kubernetes = service is not None and service.registry is Registry.KUBERNETES
    short = f"{service.name}.{service.namespace}" if service is not None and kubernetes else host
    name = service.name if service is not None and kubernetes else host
    return {"%SERVICE%": short, "%SERVICE_NAME%": name, "%SERVICE_FQDN%": host}


def _replaced(pattern: str, words: dict[str, str], port: int, port_name: str) -> str:
    for word, value in {**words, "%SERVICE_PORT%": str(port), "%SERVICE_PORT_NAME%": port_name}.items():
        pattern = pattern.replace(word, value)
    return pattern
