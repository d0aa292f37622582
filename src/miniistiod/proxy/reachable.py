"""All services that a Sidecar's listeners take in, and those that their VirtualServices send to, one for
each host.

Which of two of one host wins: the Kubernetes Service, else the first; services that differ only in their
ports are merged (two listeners may take in two ports of one service).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from miniistiod.api.istio.networking.virtual_service_pb2 import Destination, HTTPRoute, VirtualService
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Registry, Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.imports import with_ports

Rules = tuple[MergedVirtualService, ...]
Wanted = tuple[str, tuple[int, ...]]
"""A host, and the ports of it that are asked for; port 0 asks for all."""


@kept
def reachable(
    listeners: tuple[tuple[int, tuple[Service, ...], tuple[Wanted, ...]], ...],
    index: ServiceIndex,
    namespace: str,
) -> tuple[Service, ...]:
    """`listeners` are (port or 0, services, destinations of rules), in order."""
    found: dict[str, Service] = {}
    for port, services, wanted in listeners:
        for each in services:
            add(found, each)
        for host, ports in wanted:
            target = destination_service(index, host, namespace)
            if target is not None:
                add(found, matching(target, (port,) if port else ports))
    return tuple(found.values())


def add(found: dict[str, Service], service: Service | None) -> None:
    """Take the service in, in place of the one of the same host or merged with it, where it may be."""
    if service is None:
        return
    before = found.setdefault(service.hostname, service)
    if before is service:
        return
    if before.registry is not service.registry:
        if service.registry is Registry.KUBERNETES:
            found[service.hostname] = service
    elif before.ports != service.ports and mergeable(before, service):
        found[service.hostname] = merged(before, service)


def mergeable(one: Service, other: Service) -> bool:
    """Whether the two are parts of the same service."""
    return (
        one.namespace == other.namespace
        and one.resolution is other.resolution
        and one.labels == other.labels
        and one.selector == other.selector
        and exports(one) == exports(other)
    )


def exports(service: Service) -> frozenset[str]:
    """To whom it is exported, of a ServiceEntry in its own words: none is not the same as "*" here."""
    external = service.registry is Registry.EXTERNAL
    return frozenset(service.origin.message.export_to) if external else service.export_to


@kept
def merged(one: Service, other: Service) -> Service:
    """The first with the ports of the other that it does not have."""
    known = {port.number for port in one.ports}
    return replace(one, ports=(*one.ports, *(port for port in other.ports if port.number not in known)))


def destination_service(index: ServiceIndex, host: str, namespace: str) -> Service | None:
    """The service a rule's destination means: of the proxy's namespace, else a visible one.

    Of those a Kubernetes Service comes first, then the oldest.
    """
    services = index.of_host(host)
    if namespace in services:
        return services[namespace]
    visible = [s for s in services.values() if s.visible_to(namespace)]
    order = sorted(visible, key=lambda s: (s.registry is not Registry.KUBERNETES, s.created))
    return order[0] if order else None


def matching(service: Service, ports: tuple[int, ...]) -> Service | None:
    """The service with the ports that are asked for; None when it has none of them."""
    if not ports or 0 in ports:
        return service
    held = tuple(port.number for port in service.ports if port.number in ports)
    if len(held) == len(service.ports):
        return service
    return with_ports(service, held) if held else None


@kept
def wanted(rules: Rules, namespace: str) -> tuple[Wanted, ...]:
    """The destinations of all rules, as proxies of a namespace may use them, in order."""
    return tuple(each for vs in rules for each in destinations(vs, namespace))


@kept
def destinations(vs: MergedVirtualService, namespace: str) -> tuple[Wanted, ...]:
    """The destinations of one VirtualService; of HTTP rules for other source namespaces none."""
    found: dict[str, set[int]] = {}
    for each in destination_messages(vs.message, namespace):
        found.setdefault(each.host, set()).add(each.port.number)
    return tuple((host, tuple(sorted(ports))) for host, ports in found.items())


def destination_messages(message: VirtualService, namespace: str) -> Iterator[Destination]:
    """Where rules send to, mirrors included."""
    http = [route for route in message.http if meant_for(route, namespace)]
    for routes in (http, message.tcp, message.tls):
        for route in routes:
            yield from (each.destination for each in route.route if each.HasField("destination"))
    yield from (route.mirror for route in http if route.HasField("mirror"))
    yield from (each.destination for route in http for each in route.mirrors if each.HasField("destination"))


def meant_for(route: HTTPRoute, namespace: str) -> bool:
    """Whether a rule is for clients of a namespace; one whose matches name none is for all."""
    named = [match.source_namespace for match in route.match if match.source_namespace]
    return not named or namespace in named


def hosts_of(services: Iterable[Service]) -> dict[str, Service]:
    """The services by their host."""
    return {service.hostname: service for service in services}
