"""The configuration and the connected workloads → the Mesh. Every index is kept under what it was made from
(mesh.kept), so a snapshot shares with the one before it all that did not change, down to one service's
endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from miniistiod.config import Store
from miniistiod.config.objects import Object
from miniistiod.mesh import kept
from miniistiod.mesh.destination_rules import destination_rule_index
from miniistiod.mesh.discovery import discovered
from miniistiod.mesh.endpoints import endpoint_index
from miniistiod.mesh.extensions import all_extensions
from miniistiod.mesh.gateway_api import with_gateway_api
from miniistiod.mesh.kubernetes_services import kubernetes_service
from miniistiod.mesh.label_selectors import namespace_labels
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.mirrored_slices import with_mirrored
from miniistiod.mesh.peer_authentications import peer_authentication_index
from miniistiod.mesh.policies import PolicyIndex, policy_index
from miniistiod.mesh.service import Service
from miniistiod.mesh.service_entries import entry_services
from miniistiod.mesh.service_entry_visibility import visibility
from miniistiod.mesh.services import service_index
from miniistiod.mesh.settings import Environment, MeshSettings, settings
from miniistiod.mesh.sidecars import sidecar_index
from miniistiod.mesh.traffic_distribution import ANNOTATION
from miniistiod.mesh.virtual_services import virtual_service_index
from miniistiod.mesh.workload import Workload
from miniistiod.mesh.workloads import WorkloadIndex, entry_workload, pod_workload, workload_index

Objects = tuple[Object[Any], ...]
ByKind = Mapping[str, Objects]


def snapshot(store: Store, connected: Iterable[Workload] = (), environment: Environment = ()) -> Mesh:
    """The mesh of this configuration, and of the workloads of the proxies that are connected now.

    A Workload must be the same object from one call to the next while its proxy stays connected.
    """
    kept.turn()
    of_mesh = settings(store.of_kind("MeshConfig"), store.of_kind("MeshNetworks"), environment)
    return mesh(discovered(store.kinds, of_mesh), tuple(connected), of_mesh)


def mesh(known: ByKind, connected: tuple[Workload, ...], of_mesh: MeshSettings) -> Mesh:
    """The indexes of the objects that count."""

    def of(kind: str) -> Objects:
        return known.get(kind, ())

    def policies(kind: str) -> PolicyIndex[Any]:
        return kept_policies(of(kind), of_mesh.root_namespace)

    services = service_index(all_services(of("Service"), of("ServiceEntry"), of("Namespace"), of_mesh))
    known = with_gateway_api(known, services, of_mesh.domain)
    slices = with_mirrored(of("EndpointSlice"), of("Endpoints"))
    workloads = all_workloads(of("Pod"), of("Node"), of("WorkloadEntry"), connected, of_mesh)
    return Mesh(
        settings=of_mesh,
        services=services,
        workloads=workloads,
        endpoints=endpoint_index(services, slices, workloads, of_mesh),
        virtual_services=virtual_service_index(of("VirtualService"), of_mesh),
        destination_rules=destination_rule_index(of("DestinationRule"), of_mesh),
        sidecars=sidecar_index(of("Sidecar"), of_mesh.root_namespace),
        gateways=of("Gateway"),
        peer_authentications=peer_authentication_index(of("PeerAuthentication"), of_mesh.root_namespace),
        request_authentications=policies("RequestAuthentication"),
        authorization_policies=policies("AuthorizationPolicy"),
        telemetries=policies("Telemetry"),
        extensions=kept_policies(
            all_extensions(of("TrafficExtension"), of("WasmPlugin")), of_mesh.root_namespace
        ),
        envoy_filters=policies("EnvoyFilter"),
        secrets=named(of("Secret")),
        config_maps=named(of("ConfigMap")),
        namespaces=by_name(of("Namespace")),
    )


@kept.kept
def all_services(
    services: Objects, entries: Objects, namespaces: Objects, of_mesh: MeshSettings
) -> tuple[Service, ...]:
    """The services of all documents."""
    distribution = {n.name: n.annotations.get(ANNOTATION, "") for n in namespaces}
    labels = {n.name: namespace_labels(n) for n in namespaces}
    found = [kubernetes_service(each, distribution.get(each.namespace, ""), of_mesh) for each in services]
    for each in entries:
        cap = visibility(of_mesh, labels.get(each.namespace, {}))
        found += entry_services(each, distribution.get(each.namespace, ""), cap, of_mesh)
    return tuple(found)


def all_workloads(
    pods: Objects, nodes: Objects, entries: Objects, connected: tuple[Workload, ...], of_mesh: MeshSettings
) -> WorkloadIndex:
    """The workloads of all documents and of the connected proxies."""
    return workload_index(declared_workloads(pods, nodes, entries, of_mesh), connected)


@kept.kept
def declared_workloads(
    pods: Objects, nodes: Objects, entries: Objects, of_mesh: MeshSettings
) -> tuple[Workload, ...]:
    """The workloads of Pods and WorkloadEntries."""
    machines = {n.name: n for n in nodes}
    running = (pod_workload(pod, machines.get(pod.message.spec.node_name), of_mesh) for pod in pods)
    return (*(w for w in running if w is not None), *(entry_workload(e, of_mesh) for e in entries))


@kept.kept
def kept_policies(objects: Objects, root_namespace: str) -> PolicyIndex[Any]:
    """The index of policies of one kind."""
    return policy_index(objects, root_namespace)


@kept.kept
def named(objects: Objects) -> Mapping[tuple[str, str], Object[Any]]:
    """The objects by (namespace, name)."""
    return {(each.namespace, each.name): each for each in objects}


@kept.kept
def by_name(objects: Objects) -> Mapping[str, Object[Any]]:
    """The objects by name."""
    return {each.name: each for each in objects}
