"""Services: port names from which no protocol can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.mesh.service import Registry, Service
from miniistiod.vocab.protocol import Protocol

MANAGED = "gateway.istio.io/managed"


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    for service in world.mesh.services.all:
        own = service.registry is Registry.KUBERNETES and MANAGED not in service.labels
        if own and not is_istios_own(service.labels):
            yield from port_names(service)


def is_istios_own(labels: Mapping[str, str]) -> bool:
    """Whether it belongs to Istio's own installation, which users do not name."""
    return "istio" in labels or labels.get("release") == "istio"


def port_names(service: Service) -> Iterator[Diagnostic]:
    """Ports whose protocol Envoy must guess."""
    for index, port in enumerate(service.ports):
        path = f"spec.ports[{index}]"
        if service.external_name and (port.name == "tcp" or port.protocol is Protocol.AUTO):
            yield message(
                WARNING,
                "IST0150",
                service.origin,
                path,
                f'port {port.number} of an ExternalName service is named "{port.name}", which is read as TCP',
                "it takes every connection to this port, whatever its destination",
                "name it by its real protocol: http-NAME, tls-NAME",
            )
        elif port.protocol is Protocol.AUTO:
            yield message(
                INFO,
                "IST0118",
                service.origin,
                path,
                f'port {port.number} is named "{port.name}", which tells no protocol',
                "Envoy guesses it from the first bytes: protocols where the server speaks first fail",
                "name it http-NAME, grpc-NAME, tcp-NAME, ..., or set appProtocol",
            )
