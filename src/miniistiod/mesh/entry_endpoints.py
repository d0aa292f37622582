"""The endpoints of one ServiceEntry's service: written in it, selected by it, or for DNS the host itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from miniistiod.api.istio.networking import service_entry_pb2
from miniistiod.mesh.service import Endpoint, Port, Resolution, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.workload import Workload
from miniistiod.mesh.workload_endpoints import endpoint
from miniistiod.mesh.workloads import UNIX, described


def entry_endpoints(
    service: Service, selected: tuple[Workload, ...], taken: frozenset[int], settings: MeshSettings
) -> Iterator[Endpoint]:
    """`taken` are the ports that an older entry of the host has."""
    entry: service_entry_pb2.ServiceEntry = service.origin.message
    once = service.resolution is Resolution.DNS_ROUND_ROBIN
    ports = [port for port in service.ports if not (once and port.number in taken)]
    if entry.HasField("workload_selector"):
        yield from of_workloads(service, [w for w in selected if usable(service, w)], ports, settings)
    elif entry.endpoints:
        yield from of_workloads(service, inline(service, entry, settings), ports, settings)
    elif service.resolution.is_dns:
        yield from (named(service, port, settings) for port in ports)


def of_workloads(
    service: Service, workloads: list[Workload], ports: list[Port], settings: MeshSettings
) -> Iterator[Endpoint]:
    """An endpoint for each workload and port; DNS_ROUND_ROBIN takes one for each port."""
    once = service.resolution is Resolution.DNS_ROUND_ROBIN
    for workload in workloads[:1] if once else workloads:
        for port in ports:
            address = workload.addresses[0]
            number = 0 if address.startswith(UNIX) else target_port(workload, port)
            made = endpoint(workload, address.removeprefix(UNIX), number, port.name, settings)
            yield replace(made, service_port=port.number)


def usable(service: Service, workload: Workload) -> bool:
    """A Pod must say that it is ready; a WorkloadEntry with a name or a socket is for DNS services only."""
    return workload.ready is True and (workload.has_ip or service.resolution.is_dns)


def inline(service: Service, entry: service_entry_pb2.ServiceEntry, settings: MeshSettings) -> list[Workload]:
    """The endpoints written in the entry, named after it and their place in it."""
    names = [f"{service.origin.name}-{index}" for index in range(len(entry.endpoints))]
    return [
        described(each, dict(each.labels), name, name, service.origin, settings)
        for name, each in zip(names, entry.endpoints, strict=True)
    ]


def target_port(workload: Workload, port: Port) -> int:
    """The workload's port of this name, else the entry's targetPort, else its number."""
    target = port.target if isinstance(port.target, int) else 0
    return workload.port_names.get(port.name) or target or port.number


def named(service: Service, port: Port, settings: MeshSettings) -> Endpoint:
    """The host itself, asked for in DNS."""
    target = port.target if isinstance(port.target, int) else 0
    return Endpoint(
        address=service.hostname,
        port=target or port.number,
        port_name=port.name,
        service_port=port.number,
        workload=service.origin.name,
        namespace=service.namespace,
        cluster=settings.cluster,
    )
