"""ServiceEntry → one Service for each of its hosts and addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from miniistiod.api.istio.networking import service_entry_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import UNSPECIFIED, Port, Registry, Resolution, Service
from miniistiod.mesh.service_entry_visibility import capped
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.traffic_distribution import traffic_distribution
from miniistiod.mesh.visibility import export_to
from miniistiod.vocab.protocol import parsed

Entry = service_entry_pb2.ServiceEntry

RESOLUTIONS = {
    Entry.NONE: Resolution.PASSTHROUGH,
    Entry.STATIC: Resolution.STATIC,
    Entry.DNS: Resolution.DNS,
    Entry.DNS_ROUND_ROBIN: Resolution.DNS_ROUND_ROBIN,
    Entry.DYNAMIC_DNS: Resolution.DYNAMIC_DNS,
}


@kept
def entry_services(
    origin: Object[Entry], namespace_distribution: str, cap: int, settings: MeshSettings
) -> tuple[Service, ...]:
    """The services of one entry, in the order of its hosts and addresses. `cap` is its highest visibility."""
    entry = origin.message
    exports = export_to(entry.export_to, settings.service_export_to, origin.namespace)
    ports = tuple(Port(p.name, p.number, parsed(p.protocol), p.target_port) for p in entry.ports)
    return tuple(
        Service(
            hostname=host,
            name=host,
            namespace=origin.namespace,
            ports=ports,
            resolution=RESOLUTIONS[entry.resolution],
            registry=Registry.EXTERNAL,
            origin=origin,
            created=(origin.moment, host, origin.namespace),
            addresses=(address,),
            mesh_external=entry.location == Entry.MESH_EXTERNAL,
            export_to=capped(exports, origin.namespace, cap),
            labels=origin.labels,
            annotations=origin.annotations,
            selector=dict(entry.workload_selector.labels),
            service_accounts=tuple(entry.subject_alt_names),
            traffic_distribution=traffic_distribution("", origin.annotations, namespace_distribution),
        )
        for host in entry.hosts
        for address in entry_addresses(entry)
    )


def entry_addresses(entry: Entry) -> Iterator[str]:
    """The addresses and blocks clients dial; a block of one address is that address."""
    if not entry.addresses:
        yield UNSPECIFIED
    for address in entry.addresses:
        try:
            block = ipaddress.ip_network(address, strict=False)
        except ValueError:
            continue
        yield address if "/" in address and block.num_addresses > 1 else address.split("/", 1)[0]
