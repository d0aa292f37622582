"""All workloads by namespace and by address, from Pods, WorkloadEntries and connected proxies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from miniistiod.api.istio.networking import workload_entry_pb2
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.locality import NETWORK, locality, with_topology
from miniistiod.mesh.networks import network_of
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.workload import Workload, WorkloadSource

TLS_MODE = "security.istio.io/tlsMode"
WORKLOAD_NAME = "service.istio.io/workload-name"
REGISTRATION_GROUP = "istio.io/autoRegistrationGroup"
UNIX = "unix://"
GONE = ("Failed", "Succeeded")


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadIndex:
    """All workloads; a connected proxy is left out when a Pod or a WorkloadEntry has its address.

    `by_address` has one for each address: a WorkloadEntry before a Pod, the older first. `pods` are by
    (namespace, name).
    """

    all: tuple[Workload, ...]
    by_namespace: Mapping[str, tuple[Workload, ...]]
    by_address: Mapping[str, Workload]
    pods: Mapping[tuple[str, str], Workload]

    def at(self, address: str) -> Workload | None:
        """Who is behind an address."""
        return self.by_address.get(address)

    def in_namespace(self, namespace: str) -> tuple[Workload, ...]:
        """All workloads of a namespace, always as the same tuple until one of them changes."""
        return self.by_namespace.get(namespace, ())


def workload_index(declared: tuple[Workload, ...], connected: tuple[Workload, ...]) -> WorkloadIndex:
    """The index of what Pods and WorkloadEntries declare, and of the proxies that are connected. A proxy at a
    declared address adds nothing, so the index is the same with and without it.
    """
    known = declared_addresses(declared)
    return index_of(declared + tuple(c for c in connected if known.isdisjoint(c.addresses)))


@kept
def declared_addresses(declared: tuple[Workload, ...]) -> frozenset[str]:
    """Their addresses."""
    return frozenset(address for each in declared for address in each.addresses)


@kept
def index_of(everything: tuple[Workload, ...]) -> WorkloadIndex:
    """The index of these."""
    return WorkloadIndex(
        all=everything,
        by_namespace=by_namespace(everything),
        by_address=by_address(everything),
        pods={(w.namespace, w.name): w for w in everything if w.source is WorkloadSource.POD},
    )


def by_namespace(workloads: Iterable[Workload]) -> Mapping[str, tuple[Workload, ...]]:
    """In the same order, by namespace."""
    found: dict[str, list[Workload]] = {}
    for each in workloads:
        found.setdefault(each.namespace, []).append(each)
    return {namespace: tuple(each) for namespace, each in found.items()}


def by_address(workloads: Iterable[Workload]) -> Mapping[str, Workload]:
    """One for each address, WorkloadEntries first."""
    found: dict[str, Workload] = {}
    for each in sorted(workloads, key=lambda w: w.source is not WorkloadSource.ENTRY):
        for address in each.addresses:
            found.setdefault(address, each)
    return found


@kept
def pod_workload(
    origin: Object[core_pb2.Pod], node: Object[core_pb2.Node] | None, settings: MeshSettings
) -> Workload | None:
    """The workload of a Pod; None when it has no address or has ended. `node` is the one it runs on."""
    spec, status = origin.message.spec, origin.message.status
    addresses = tuple(ip.ip for ip in status.pod_ips) or ((status.pod_ip,) if status.pod_ip else ())
    if not addresses or status.phase in GONE:
        return None
    place = locality(origin.labels, node.labels if node is not None else {})
    network = origin.labels.get(NETWORK, "") or network_of(addresses[0], settings)
    return Workload(
        source=WorkloadSource.POD,
        name=origin.name,
        namespace=origin.namespace,
        addresses=addresses,
        labels=with_topology(origin.labels, place, settings.cluster, spec.node_name, network),
        service_account=spec.service_account_name,
        workload=origin.labels.get(WORKLOAD_NAME, origin.name),
        port_names=container_ports(spec),
        locality=place,
        network=network,
        cluster=settings.cluster,
        node=spec.node_name,
        hostname=f"{spec.hostname or origin.name}.{spec.subdomain}" if spec.subdomain else "",
        tls_mode=origin.labels.get(TLS_MODE, "disabled"),
        ready=next((c.status == "True" for c in status.conditions if c.type == "Ready"), None),
        origin=origin,
    )


def container_ports(spec: core_pb2.PodSpec) -> Mapping[str, int]:
    """The numbers of the named ports of all containers, native sidecars among them; the first of a name
    counts.
    """
    started = (*spec.containers, *(c for c in spec.init_containers if c.restart_policy == "Always"))
    found: dict[str, int] = {}
    for port in (port for container in started for port in container.ports if port.name):
        found.setdefault(port.name, port.container_port)
    return found


@kept
def entry_workload(origin: Object[workload_entry_pb2.WorkloadEntry], settings: MeshSettings) -> Workload:
    """The workload of a WorkloadEntry. Labels of its metadata count before those of its spec."""
    labels = {**origin.message.labels, **origin.labels}
    name = labels.get(WORKLOAD_NAME) or origin.annotations.get(REGISTRATION_GROUP) or origin.name
    return described(origin.message, labels, origin.name, name, origin, settings)


def described(
    entry: workload_entry_pb2.WorkloadEntry,
    labels: Mapping[str, str],
    name: str,
    workload: str,
    origin: Object[workload_entry_pb2.WorkloadEntry],
    settings: MeshSettings,
) -> Workload:
    """The workload that a WorkloadEntry, or an endpoint of a ServiceEntry, describes."""
    place = entry.locality or locality(labels, {})
    network = entry.network or labels.get(NETWORK, "") or network_of(entry.address, settings)
    return Workload(
        source=WorkloadSource.ENTRY,
        name=name,
        namespace=origin.namespace,
        addresses=(entry.address,),
        labels=with_topology(labels, place, settings.cluster, "", network),
        service_account=entry.service_account,
        workload=workload,
        port_names=dict(entry.ports),
        locality=place,
        network=network,
        cluster=settings.cluster,
        weight=entry.weight,
        tls_mode=labels.get(TLS_MODE, "istio" if entry.service_account else "disabled"),
        origin=origin,
    )
