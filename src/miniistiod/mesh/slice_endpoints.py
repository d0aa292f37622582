"""EndpointSlices of a Service → its endpoints. A slice names service ports by name and gives their target
numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.locality import CLUSTER
from miniistiod.mesh.service import Endpoint, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.workload import Workload
from miniistiod.mesh.workload_endpoints import endpoint

Slice = Object[core_pb2.EndpointSlice]


def slice_endpoints(
    service: Service, slices: tuple[Slice, ...], behind: tuple[Workload | None, ...], settings: MeshSettings
) -> list[Endpoint]:
    """`behind` has the workload behind each address, in order. An address twice counts once for each port."""
    found: dict[tuple[str, str], Endpoint] = {}
    workloads = iter(behind)
    for each in slices:
        for listed in each.message.endpoints:
            for address in listed.addresses:
                for made in at_address(service, each.message, listed, address, next(workloads), settings):
                    found.setdefault((made.address, made.port_name), made)
    return list(found.values())


def at_address(
    service: Service,
    slice_: core_pb2.EndpointSlice,
    listed: core_pb2.SliceEndpoint,
    address: str,
    workload: Workload | None,
    settings: MeshSettings,
) -> Iterator[Endpoint]:
    """One endpoint for each port. An address whose Pod is gone or leaves has none; one not ready is
    unhealthy.
    """
    if workload is None and listed.target_ref.kind == "Pod":
        return
    ready = not listed.conditions.HasField("ready") or listed.conditions.ready
    if not ready and leaving(listed):
        return
    for port in slice_.ports:
        if workload is None:
            labels = ((CLUSTER, settings.cluster),)
            yield Endpoint(address, port.port, port.name, labels, cluster=settings.cluster, healthy=ready)
        else:
            made = endpoint(workload, address, port.port, port.name, settings)
            yield replace(made, healthy=ready)


def leaving(listed: core_pb2.SliceEndpoint) -> bool:
    """Whether the Pod is being stopped."""
    return not listed.conditions.HasField("terminating") or listed.conditions.terminating
