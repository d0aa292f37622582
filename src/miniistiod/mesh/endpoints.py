"""The endpoints of every service: which of the sources count for it, all sources as one index.

A Kubernetes Service has those of its EndpointSlices, or of the Pods and connected proxies it selects when
it has no slices; WorkloadEntries that it selects count besides. A ServiceEntry has its own, or those it
selects, and adds them to a Kubernetes Service of its host and namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.entry_endpoints import entry_endpoints
from miniistiod.mesh.kept import kept
from miniistiod.mesh.selection import Selected, selected_workloads
from miniistiod.mesh.service import NO_ENDPOINTS, Endpoint, Registry, Service, ServiceEndpoints
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.slice_endpoints import slice_endpoints
from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.mesh.workload_endpoints import workload_endpoints
from miniistiod.mesh.workloads import WorkloadIndex

Slice = Object[core_pb2.EndpointSlice]
SERVICE_NAME = "kubernetes.io/service-name"
Slices = Mapping[tuple[str, str], tuple[Slice, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class EndpointIndex:
    """The endpoints by the key of their service; each value stays the same object until one of it changes."""

    by_service: Mapping[tuple[str, str], ServiceEndpoints]

    def of(self, service: Service) -> ServiceEndpoints:
        """The endpoints of one service, with those of other services of the same host and namespace."""
        return self.by_service.get(service.key, NO_ENDPOINTS)


@kept
def endpoint_index(
    services: ServiceIndex, slices: tuple[Slice, ...], workloads: WorkloadIndex, settings: MeshSettings
) -> EndpointIndex:
    """The endpoints of all services. Only those whose sources changed are worked out anew."""
    of_service = by_service(slices)
    selected = {
        namespace: selected_workloads(each, workloads.in_namespace(namespace))
        for namespace, each in with_selector(services.all).items()
    }
    nobody: Selected = {}
    found: dict[tuple[str, str], tuple[Service, ...]] = {}
    for service in services.all:
        found[service.key] = (*found.get(service.key, ()), service)
    return EndpointIndex({
        key: endpoints_of_key(each, of_service, selected.get(key[0], nobody), workloads, settings)
        for key, each in found.items()
    })  # fmt: skip


def endpoints_of_key(
    services: tuple[Service, ...],
    slices: Slices,
    selected: Selected,
    workloads: WorkloadIndex,
    settings: MeshSettings,
) -> ServiceEndpoints:
    """Those of all services of one key: of the Kubernetes Service, and of the ServiceEntries of its host."""
    entries = tuple(s for s in services if s.registry is Registry.EXTERNAL)
    written = all_entry_endpoints(entries, tuple(selected.get(s, ()) for s in entries), settings)
    for service in services:
        if service.registry is Registry.KUBERNETES:
            own = slices.get((service.namespace, service.name), ())
            behind = tuple(slice_targets(own, workloads)) if own else ()
            found = kubernetes_endpoints(service, own, behind, selected.get(service, ()), settings)
            return both(found, written) if entries else found
    return written


@kept
def both(one: ServiceEndpoints, other: ServiceEndpoints) -> ServiceEndpoints:
    """The endpoints of two sources as one."""
    return service_endpoints((*one.all, *other.all))


@kept
def kubernetes_endpoints(
    service: Service,
    slices: tuple[Slice, ...],
    behind: tuple[Workload | None, ...],
    selected: tuple[Workload, ...],
    settings: MeshSettings,
) -> ServiceEndpoints:
    """Those of a Kubernetes Service. `behind` are the workloads behind the addresses of the slices."""
    entries = (w for w in selected if w.source is WorkloadSource.ENTRY)
    others = (w for w in selected if w.source is not WorkloadSource.ENTRY)
    listed = list(workload_endpoints(service, others, settings))
    if slices:
        listed = slice_endpoints(service, slices, behind, settings)
    return service_endpoints((*listed, *workload_endpoints(service, entries, settings)))


@kept
def all_entry_endpoints(
    services: tuple[Service, ...], selected: tuple[tuple[Workload, ...], ...], settings: MeshSettings
) -> ServiceEndpoints:
    """Those of ServiceEntries. DNS_ROUND_ROBIN has one endpoint for a port, that of the oldest entry."""
    found: list[Endpoint] = []
    taken: frozenset[int] = frozenset()
    for service, workloads in zip(services, selected, strict=True):
        found += entry_endpoints(service, workloads, taken, settings)
        taken |= {port.number for port in service.ports}
    return service_endpoints(found)


def service_endpoints(endpoints: Iterable[Endpoint]) -> ServiceEndpoints:
    """The endpoints with their indexes."""
    everything = tuple(endpoints)
    by_port: dict[str, list[Endpoint]] = {}
    by_number: dict[int, list[Endpoint]] = {}
    for each in everything:
        by_port.setdefault(each.port_name, []).append(each)
        if each.service_port:
            by_number.setdefault(each.service_port, []).append(each)
    return ServiceEndpoints(
        everything,
        {name: tuple(each) for name, each in by_port.items()},
        tuple(sorted({e.service_account for e in everything if e.service_account})),
        {number: tuple(each) for number, each in by_number.items()},
    )


def by_service(slices: Iterable[Slice]) -> Slices:
    """The slices of each Kubernetes Service, by (namespace, name), in the order of their names."""
    found: dict[tuple[str, str], list[Slice]] = {}
    for each in sorted(slices, key=lambda s: s.name):
        if SERVICE_NAME in each.labels and each.message.address_type != "FQDN":
            found.setdefault((each.namespace, each.labels[SERVICE_NAME]), []).append(each)
    return {key: tuple(each) for key, each in found.items()}


def with_selector(services: Iterable[Service]) -> Mapping[str, tuple[Service, ...]]:
    """The services that select workloads, by namespace."""
    found: dict[str, list[Service]] = {}
    for each in services:
        if each.selector:
            found.setdefault(each.namespace, []).append(each)
    return {namespace: tuple(each) for namespace, each in found.items()}


def slice_targets(slices: Iterable[Slice], workloads: WorkloadIndex) -> Iterable[Workload | None]:
    """The workload behind each address of the slices, in their order; None where nobody is known."""
    for each in slices:
        for endpoint in each.message.endpoints:
            for address in endpoint.addresses:
                yield slice_target(endpoint, address, workloads)


def slice_target(endpoint: core_pb2.SliceEndpoint, address: str, workloads: WorkloadIndex) -> Workload | None:
    """The Pod that a slice names, or whoever has the address; a Pod that is found by it must be ready."""
    if endpoint.target_ref.kind == "Pod":
        pod = workloads.pods.get((endpoint.target_ref.namespace, endpoint.target_ref.name))
        if pod is not None:
            return pod
    found = workloads.at(address)
    return None if found is not None and found.source is WorkloadSource.POD and not found.ready else found
