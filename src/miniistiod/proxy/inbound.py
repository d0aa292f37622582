"""What a proxy serves: the ports of the services that its workload is an endpoint of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.kept import kept
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.selection import by_one_label, selecting
from miniistiod.mesh.service import Port, Registry, Resolution, Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.mesh.workload_endpoints import target_port
from miniistiod.vocab.protocol import Protocol


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """One port of a service, and the port of this workload it leads to. A value: it can be a key."""

    service: Service
    port: Port
    target_port: int


Targets = tuple[ServiceTarget, ...]


def service_targets(mesh: Mesh, workload: Workload, cluster: str = "") -> Targets:
    """The service ports that lead to a workload, those of the oldest service first.

    For a proxy that says it is in another cluster only ServiceEntries count: this one's Services are not its.
    """
    unselected = without_selector(mesh.services)
    listed = by_address(unselected, mesh.endpoints).of if unselected else {}
    at = tuple(t for address in workload.addresses for t in listed.get(address, ()))
    if cluster not in ("", mesh.settings.cluster):
        return targets((), workload, tuple(t for t in at if t.service.registry is Registry.EXTERNAL))
    return targets(selectors(mesh.services).get(workload.namespace, ()), workload, at)


@kept
def targets(services: tuple[Service, ...], workload: Workload, at: Targets) -> Targets:
    """`services` are Kubernetes Services with a selector, `at` the targets known by address."""
    chosen = selecting(by_one_label(services), workload) if services else ()
    found = [target for service in chosen for target in of_kubernetes(service, workload)]
    own = (t for t in at if t.service.namespace == workload.namespace and counts(t.service, chosen, workload))
    return tuple(sorted((*found, *own), key=lambda t: (t.service.created[0], t.service.hostname)))


def counts(service: Service, chosen: tuple[Service, ...], workload: Workload) -> bool:
    """A ServiceEntry always counts; a Kubernetes Service without a selector only for a Pod that no other
    selects.
    """
    if service.registry is Registry.EXTERNAL:
        return True
    return not chosen and workload.source is not WorkloadSource.ENTRY


def of_kubernetes(service: Service, workload: Workload) -> Iterator[ServiceTarget]:
    """The ports of a Service on the workload, the first for each target port and protocol."""
    entry = workload.source is WorkloadSource.ENTRY
    if entry and service.resolution is not Resolution.STATIC:
        return
    seen: set[tuple[int, Protocol]] = set()
    for port in service.ports:
        number = target_port(workload, port)
        if number is None or (number, port.protocol) in seen or (entry and port.protocol is Protocol.UDP):
            continue
        seen.add((number, port.protocol))
        yield ServiceTarget(service, port, number)


@kept
def selectors(services: ServiceIndex) -> Mapping[str, tuple[Service, ...]]:
    """The Kubernetes Services with a selector, by namespace."""
    found: dict[str, list[Service]] = {}
    for each in services.all:
        if each.selector and each.registry is Registry.KUBERNETES:
            found.setdefault(each.namespace, []).append(each)
    return {namespace: tuple(each) for namespace, each in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class AddressTable:
    """The targets that are known by the address of an endpoint."""

    of: Mapping[str, Targets]


@kept
def without_selector(services: ServiceIndex) -> tuple[Service, ...]:
    """ServiceEntries, and Kubernetes Services without a selector, which only list addresses."""
    return tuple(s for s in services.all if s.registry is Registry.EXTERNAL or not s.selector)


@kept
def by_address(services: tuple[Service, ...], endpoints: EndpointIndex) -> AddressTable:
    """The targets of these services."""
    found: dict[str, list[ServiceTarget]] = {}
    for service in services:
        for address, target in listed(service, endpoints):
            found.setdefault(address, []).append(target)
    return AddressTable({address: tuple(each) for address, each in found.items()})


def listed(service: Service, endpoints: EndpointIndex) -> Iterable[tuple[str, ServiceTarget]]:
    """(address, target) of each endpoint of a service, not of another one of its host."""
    external = service.registry is Registry.EXTERNAL
    for port in service.ports:
        for endpoint in endpoints.of(service).in_cluster(port):
            if external == bool(endpoint.service_port):
                yield endpoint.address, ServiceTarget(service, port, endpoint.port)
