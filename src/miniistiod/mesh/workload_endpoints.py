"""Workloads that a Kubernetes Service selects → its endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from miniistiod.mesh.identity import identity
from miniistiod.mesh.service import Endpoint, Port, Resolution, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.vocab.protocol import Protocol


def workload_endpoints(
    service: Service, workloads: Iterable[Workload], settings: MeshSettings
) -> Iterator[Endpoint]:
    """An endpoint for each port of the service that the workload has.

    A WorkloadEntry is left out of a headless service and when its address is a name or a socket.
    """
    for workload in workloads:
        if (workload.ready is False and not service.publish_not_ready) or not fits(service, workload):
            continue
        for port in service.ports:
            number = target_port(workload, port)
            if number is not None and port.protocol is not Protocol.UDP:
                yield endpoint(workload, workload.addresses[0], number, port.name, settings)


def fits(service: Service, workload: Workload) -> bool:
    """Whether this kind of workload can be behind this kind of service."""
    return workload.source is not WorkloadSource.ENTRY or (
        service.resolution is Resolution.STATIC and workload.has_ip
    )


def target_port(workload: Workload, port: Port) -> int | None:
    """The number a service port leads to on a workload; None when the name it goes by is not known there.

    A WorkloadEntry may move a port by the name of the service's port, too.
    """
    if isinstance(port.target, str) and port.target:
        return workload.port_names.get(port.target)
    number = port.target if isinstance(port.target, int) and port.target else port.number
    if workload.source is WorkloadSource.ENTRY:
        return workload.port_names.get(port.name) or number
    return number


def endpoint(workload: Workload, address: str, port: int, port_name: str, settings: MeshSettings) -> Endpoint:
    """The endpoint of a workload at one of its ports."""
    return Endpoint(
        address=address,
        port=port,
        port_name=port_name,
        labels=tuple(sorted(workload.labels.items())),
        service_account=identity(settings.trust_domain, workload.namespace, workload.service_account),
        workload=workload.workload,
        namespace=workload.namespace,
        locality=workload.locality,
        weight=workload.weight,
        network=workload.network,
        cluster=workload.cluster,
        tls_mode=workload.tls_mode,
        node=workload.node,
        hostname=workload.hostname,
        healthy=None if workload.source is WorkloadSource.ENTRY else workload.ready is not False,
        addresses=workload.addresses if len(workload.addresses) > 1 else (),
    )
