"""A scope → the ClusterLoadAssignments of its EDS clusters.

One assignment is made once for all clients for which it is the same. Those in which a client's place counts
are a part of their own, so that one in which it does not is shared by all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.generate.cluster_discovery import cluster_ports, discovery_type, is_dynamic, subset_names
from miniistiod.generate.cluster_policy import ClusterPolicy, endpoint_policy, inherits_passthrough
from miniistiod.generate.endpoint_assignment import assignment, cluster_groups, mutual_only, reachable
from miniistiod.generate.endpoint_networks import across_networks
from miniistiod.generate.endpoint_view import EndpointView, endpoint_view, narrowed
from miniistiod.generate.selected_rules import Selected, rule_of, selected_rules
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.kept import kept
from miniistiod.mesh.networks import Gateways, network_gateways
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.service import Port, Service, ServiceEndpoints
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.facts import fact
from miniistiod.proxy.outbound import Upstreams
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.destination_rule.locality_lb_setting import localised
from miniistiod.vocab import cluster_name
from miniistiod.xds.resource import Part, Resource, resource

NOWHERE = EndpointView()


class Wanted(NamedTuple):
    """One EDS cluster: its name, what it is of, and its policy."""

    name: str
    service: Service
    port: Port
    rule: MergedDestinationRule | None
    subset: str
    policy: ClusterPolicy
    by_sni: bool


@dataclass(frozen=True, slots=True, eq=False)
class WantedAssignments:
    """The EDS clusters of a view: those the same for all clients, and those in which the place counts.

    The same object for all views that want the same, so that they share what is made from it.
    """

    shared: tuple[Wanted, ...]
    placed: tuple[Wanted, ...]


@fact
def endpoints(scope: ProxyScope) -> tuple[Part, ...]:
    """The assignments of all EDS clusters of a proxy."""
    mesh, router = scope.mesh, scope.proxy.is_router
    by_sni = router and scope.gateway.auto_passthrough
    gateways = network_gateways(scope.settings, mesh.services)
    asked = (scope.upstreams, selected_rules(scope), router, by_sni, scope.settings, bool(gateways))
    found = wanted(*asked)
    shared = shared_assignments(found, mesh.endpoints, mesh.peer_authentications)
    if not found.placed:
        return (shared,)
    inputs = (found, mesh.endpoints, mesh.peer_authentications, gateways)
    return (shared, placed_assignments(*inputs, endpoint_view(scope.proxy)))


@kept
def shared_assignments(
    found: WantedAssignments, index: EndpointIndex, peers: PeerAuthenticationIndex
) -> Part:
    """Those that are the same for all clients."""
    return {w.name: load_assignment(*w, index.of(w.service), peers, (), NOWHERE) for w in found.shared}


@kept
def placed_assignments(
    found: WantedAssignments,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    gateways: Gateways,
    place: EndpointView,
) -> Part:
    """Those that depend on where the client is."""
    made = {}
    for each in found.placed:
        used = narrowed(place, each.service, each.policy, networks=bool(gateways))
        made[each.name] = load_assignment(*each, index.of(each.service), peers, gateways, used)
    return made


@kept
def wanted(
    known: Upstreams,
    selected: Selected,
    router: bool,
    by_sni: bool,
    settings: MeshSettings,
    networks: bool,
) -> WantedAssignments:
    """All EDS clusters of a view; with `by_sni` those of AUTO_PASSTHROUGH besides.

    Between several networks the place of the client always counts.
    """
    found: dict[bool, list[Wanted]] = {False: [], True: []}
    for service in known.services:
        rule = rule_of(known, selected, service)
        for each, counts in wanted_of(service, rule, router, by_sni, settings):
            found[counts or networks].append(each)
    return wanted_assignments(tuple(found[False]), tuple(found[True]))


@kept
def wanted_assignments(shared: tuple[Wanted, ...], placed: tuple[Wanted, ...]) -> WantedAssignments:
    """One object for equal contents."""
    return WantedAssignments(shared, placed)


_SOMEWHERE = EndpointView(locality="somewhere", node="somewhere")


@kept
def wanted_of(
    service: Service, rule: MergedDestinationRule | None, router: bool, by_sni: bool, settings: MeshSettings
) -> tuple[tuple[Wanted, bool], ...]:
    """The EDS clusters of one service, and whether the place of the client counts in each."""
    if discovery_type(service, router) != Cluster.EDS or is_dynamic(service):
        return ()
    found = []
    for port in cluster_ports(service):
        for subset in subset_names(service, rule):
            inputs = (rule, port.number, subset, service.traffic_distribution, settings)
            policy = endpoint_policy(*inputs)
            if policy.passthrough or inherits_passthrough(rule, port.number, subset, settings):
                continue
            counts = narrowed(_SOMEWHERE, service, policy, networks=False) != NOWHERE
            name = cluster_name.outbound(service.hostname, port.number, subset)
            found.append((Wanted(name, service, port, rule, subset, policy, False), counts))
            if by_sni and not service.mesh_external:
                sni = cluster_name.outbound_sni(service.hostname, port.number, subset)
                found.append((Wanted(sni, service, port, rule, subset, policy, True), counts))
    return tuple(found)


@kept
def load_assignment(
    name: str,
    service: Service,
    port: Port,
    rule: MergedDestinationRule | None,
    subset: str,
    policy: ClusterPolicy,
    by_sni: bool,
    known: ServiceEndpoints,
    peers: PeerAuthenticationIndex,
    gateways: Gateways,
    place: EndpointView,
) -> Resource:
    """One assignment, serialised. A cluster without endpoints has an empty one."""
    usable = (e for e in known.at(port) if reachable(e))
    groups = cluster_groups(service, port, rule, subset, usable, policy, peers, place.node)
    groups = across_networks(groups, gateways, place)
    if by_sni:
        groups = mutual_only(groups)
    placed = localised(policy.locality, groups, place.client, policy.outlier is not None)
    body = assignment(name, placed).SerializeToString(deterministic=True)
    return resource(name, body, origins=(service.origin, *(rule.sources if rule is not None else ())))
