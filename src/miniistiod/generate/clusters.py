"""A scope → its clusters: of the services it sees, of its own workload, and those every proxy has.

Each is made once for all proxies that would get the same. Clusters that ask DNS are a part of their own where
the place of the client counts, as are those of the workload itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.generate.cluster_client import ClusterClient, cluster_client
from miniistiod.generate.cluster_discovery import cluster_ports, discovery_type, is_dynamic, subset_names
from miniistiod.generate.cluster_patches import added_clusters, patched_cluster, patched_clusters
from miniistiod.generate.cluster_policy import cluster_policy
from miniistiod.generate.cluster_resource import cluster_resource, joined_part, part
from miniistiod.generate.clusters_fixed import black_hole, external_sds, fixed_sidecar_clusters
from miniistiod.generate.clusters_outbound import DNS_TYPES, Known, outbound_cluster, outbounds
from miniistiod.generate.clusters_workload import own_clusters
from miniistiod.generate.endpoint_view import EndpointView, endpoint_view, joined_views, narrowed
from miniistiod.generate.forward_proxies import LOCAL_DNS
from miniistiod.generate.module_clusters import module_clusters
from miniistiod.generate.patches import ApplyTo, PatchContext, Patches, patches
from miniistiod.generate.selected_rules import Selected, rule_of, selected_rules
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.identity import in_every_domain
from miniistiod.mesh.kept import kept
from miniistiod.mesh.networks import Gateways, network_gateways
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.service import NO_ENDPOINTS, Resolution, Service, ServiceEndpoints
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.facts import fact
from miniistiod.proxy.outbound import Upstreams
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.destination_rule.load_balancer import is_passthrough
from miniistiod.xds.resource import Part, Resource

NOWHERE = EndpointView()
INBOUND = PatchContext.SIDECAR_INBOUND

Rules = tuple[MergedDestinationRule | None, ...]


@fact
def clusters(scope: ProxyScope) -> tuple[Part, ...]:
    """All clusters of a proxy."""
    client = cluster_client(scope)
    found = patches(scope, ApplyTo.CLUSTER)
    parts = [*outbound_parts(scope, client, found, False)]
    if scope.proxy.is_sidecar:
        parts.append(sidecar_clusters(client, scope.settings, resolver(scope), found))
        parts.append(own_clusters(scope, client, found))
    else:
        parts.append(router_clusters(client, scope.settings, found))
        if scope.gateway.auto_passthrough:
            parts += outbound_parts(scope, client, found, True)
    if not client.extensions and scope.named_extensions:
        parts.append(module_clusters(scope.named_extensions))
    return tuple(parts)


class Wanted(NamedTuple):
    """One service with its rule, and whether the place of the client counts in its clusters."""

    service: Service
    rule: MergedDestinationRule | None
    placed: bool


@dataclass(frozen=True, slots=True, eq=False)
class WantedClusters:
    """The services of a view; the same object for all views that want the same, so that they share parts.

    `placed`: the place of the client counts somewhere.
    """

    all: tuple[Wanted, ...]
    placed: bool


@fact
def outbound_parts(
    scope: ProxyScope, client: ClusterClient, found: Patches, by_sni: bool
) -> tuple[Part, ...]:
    """The clusters of the services it sees: those that are the same wherever the client is, and others."""
    mesh = scope.mesh
    gateways = network_gateways(scope.settings, mesh.services)
    asked = wanted(scope.upstreams, selected_rules(scope), client.router, scope.settings, bool(gateways))
    inputs = (asked, client, scope.settings, found, mesh.endpoints, mesh.peer_authentications, by_sni)
    shared = shared_clusters(*inputs)
    return (
        (shared, placed_clusters(*inputs, gateways, endpoint_view(scope.proxy)))
        if asked.placed
        else (shared,)
    )


@kept
def shared_clusters(
    found: WantedClusters,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    by_sni: bool,
) -> Part:
    """Those that are the same wherever the client is."""
    made = (
        of_service(service, rule, client, settings, patches, index, peers, (), by_sni, NOWHERE)
        for service, rule, placed in found.all
        if not placed
    )
    return joined_part(tuple(made))


@kept
def placed_clusters(
    found: WantedClusters,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    by_sni: bool,
    gateways: Gateways,
    place: EndpointView,
) -> Part:
    """Those that carry their endpoints, ordered by where the client is."""
    made = []
    for service, rule, placed in found.all:
        if placed:
            used = service_place(place, service, rule, settings, bool(gateways))
            inputs = (service, rule, client, settings, patches, index, peers, gateways, by_sni, used)
            made.append(of_service(*inputs))
    return joined_part(tuple(made))


@kept
def wanted(
    known: Upstreams, selected: Selected, router: bool, settings: MeshSettings, networks: bool
) -> WantedClusters:
    """The services that can be reached, each with its rule."""
    found = ((s, rule_of(known, selected, s)) for s in known.services if s.resolution is not Resolution.ALIAS)
    asked = (Wanted(s, rule, place_counts(s, rule, router, settings, networks)) for s, rule in found)
    return wanted_clusters(tuple(asked))


@kept
def wanted_clusters(asked: tuple[Wanted, ...]) -> WantedClusters:
    """One object for equal contents."""
    return WantedClusters(asked, any(each.placed for each in asked))


@kept
def place_counts(
    service: Service,
    rule: MergedDestinationRule | None,
    router: bool,
    settings: MeshSettings,
    networks: bool,
) -> bool:
    """Whether clusters that carry their endpoints order them by where the client is."""
    if discovery_type(service, router) not in DNS_TYPES:
        return False
    somewhere = EndpointView(locality="somewhere", node="somewhere")
    return networks or service_place(somewhere, service, rule, settings, networks) != NOWHERE


def service_place(
    place: EndpointView,
    service: Service,
    rule: MergedDestinationRule | None,
    settings: MeshSettings,
    networks: bool,
) -> EndpointView:
    """What of the client's place plays a part in any cluster of the service."""
    found = NOWHERE
    for port in cluster_ports(service):
        for subset in subset_names(service, rule):
            policy = cluster_policy(rule, port.number, subset, service.traffic_distribution, settings)
            found = joined_views(found, narrowed(place, service, policy, networks=networks))
    return found


def of_service(
    service: Service,
    rule: MergedDestinationRule | None,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    gateways: Gateways,
    by_sni: bool,
    place: EndpointView,
) -> tuple[Resource, ...]:
    """The clusters of one service. What they do not look at is no input, so they outlive its change."""
    if by_sni and (service.mesh_external or is_dynamic(service)):
        return ()
    known = index.of(service)
    accounts = (*known.service_accounts, *service.service_accounts)
    mode = peers.namespace_mode(service.namespace)
    used = known if looks_at_endpoints(service, rule, client.router) else NO_ENDPOINTS
    of = peers if discovery_type(service, client.router) in DNS_TYPES else None
    through = gateways if of is not None else ()
    inputs = (service, rule, client, settings, accounts, mode, used, of, through, place, by_sni, patches)
    return service_clusters(*inputs)


@kept
def looks_at_endpoints(service: Service, rule: MergedDestinationRule | None, router: bool) -> bool:
    """Whether its clusters carry endpoints, or must know whether all of them speak mutual TLS."""
    if discovery_type(service, router) in DNS_TYPES or service.resolution is Resolution.PASSTHROUGH:
        return True
    if rule is None:
        return False
    policies = [rule.message.traffic_policy, *(s.traffic_policy for s in rule.message.subsets)]
    return any(is_passthrough(policy.load_balancer) for policy in policies)


@kept
def service_clusters(
    service: Service,
    rule: MergedDestinationRule | None,
    client: ClusterClient,
    settings: MeshSettings,
    accounts: tuple[str, ...],
    namespace_mode: str,
    endpoints: ServiceEndpoints,
    peers: PeerAuthenticationIndex | None,
    gateways: Gateways,
    place: EndpointView,
    by_sni: bool,
    patches: Patches,
) -> tuple[Resource, ...]:
    """The clusters of one service, serialised. `accounts` are the identities as the services know them."""
    identities = in_every_domain(accounts, settings.config.trust_domain_aliases)
    origins = (service.origin, *(rule.sources if rule is not None else ()))
    known = Known(identities, namespace_mode, endpoints, peers, gateways)
    found = outbounds(service, rule, client, settings, known, place, by_sni)
    made = (patched_cluster(outbound_cluster(each), patches, side(client)) for each in found)
    return tuple(cluster_resource(each, origins) for each in made if each is not None)


def side(client: ClusterClient) -> int:
    """The side of a proxy that faces the services it sees, as EnvoyFilters call it."""
    return PatchContext.GATEWAY if client.router else PatchContext.SIDECAR_OUTBOUND


@kept
def sidecar_clusters(
    client: ClusterClient, settings: MeshSettings, resolver: str | None, patches: Patches
) -> Part:
    """What every sidecar has on its way out, and what EnvoyFilters add there."""
    made = patched_clusters(fixed_sidecar_clusters(client, settings, resolver), patches, side(client))
    return part((*made, *added_clusters(patches, side(client)), *sds_clusters(client, settings)))


@kept
def router_clusters(client: ClusterClient, settings: MeshSettings, patches: Patches) -> Part:
    """What every gateway has, and what EnvoyFilters add to it."""
    made = patched_clusters((black_hole(settings),), patches, side(client))
    return part((*made, *added_clusters(patches, side(client)), *sds_clusters(client, settings)))


def sds_clusters(client: ClusterClient, settings: MeshSettings) -> Iterator[Cluster]:
    """The server of credentials in the Pod, where there is one."""
    if client.credential_socket:
        yield external_sds(settings)


@fact
def resolver(scope: ProxyScope) -> str | None:
    """Where unknown hosts are asked for by name, "" for the system's resolver; None where they are not."""
    mode: int = scope.outbound_traffic_policy.mode
    if mode != MeshConfig.OutboundTrafficPolicy.Mode.ALLOW_ANY_DYNAMIC_DNS:
        return None
    proxy = scope.proxy
    return str(proxy.metadata.get("DNS_PROXY_ADDR") or LOCAL_DNS) if proxy.dns_capture else ""
