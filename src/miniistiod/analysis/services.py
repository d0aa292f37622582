"""Services: port names from which no protocol can be told."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.mesh.service import Registry, Service
from miniistiod.vocab.protocol import Protocol

MANAGED = "gateway.istio.io/managed"


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    for service in world.mesh.services.all:
        if service.registry is Registry.KUBERNETES and MANAGED not in service.labels:
            yield from port_names(service)


def port_names(service: Service) -> Iterator[Diagnostic]:
    """Ports whose protocol Envoy must guess."""
    for index, port in enumerate(service.ports):
        path = f"spec.ports[{index}]"
        if service.external_name and port.name == "tcp":
            yield message(
                WARNING,
                "IST0150",
                service.origin,
                path,
                "an ExternalName service has a port named tcp",
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
