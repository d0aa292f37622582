"""A scope → its clusters: of the services it sees, of its own workload, and those every proxy has.

Each is made once for all proxies that would get the same. Clusters that ask DNS are a part of their own where
the place of the client counts, as are those of the workload itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import ConfigSource

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.generate.cluster_client import ClusterClient, cluster_client
from miniistiod.generate.cluster_discovery import cluster_ports, discovery_type, is_dynamic, subset_names
from miniistiod.generate.cluster_patches import added_clusters, patched_cluster
from miniistiod.generate.cluster_policy import cluster_policy
from miniistiod.generate.clusters_fixed import (
    black_hole,
    external_sds,
    fixed_sidecar_clusters,
    inbound_passthrough,
)
from miniistiod.generate.clusters_inbound import (
    Inbound,
    default_bind,
    inbound_cluster,
    ingress_inbounds,
    service_inbounds,
)
from miniistiod.generate.clusters_outbound import DNS_TYPES, outbound_cluster, outbounds
from miniistiod.generate.endpoint_view import EndpointView, endpoint_view, narrowed
from miniistiod.generate.forward_proxies import LOCAL_DNS
from miniistiod.generate.patches import ApplyTo, PatchContext, Patches, patches
from miniistiod.generate.selected_rules import Selected, rule_of, selected_rules
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.identity import in_every_domain
from miniistiod.mesh.kept import kept
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.service import NO_ENDPOINTS, Resolution, Service, ServiceEndpoints
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.proxy.node import Interception, Proxy
from miniistiod.proxy.outbound import OutboundView
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.destination_rule.load_balancer import is_passthrough
from miniistiod.xds.resource import Part, Resource, resource

NOWHERE = EndpointView()
INBOUND = PatchContext.SIDECAR_INBOUND

Rules = tuple[MergedDestinationRule | None, ...]


def clusters(scope: ProxyScope) -> tuple[Part, ...]:
    """All clusters of a proxy."""
    client = cluster_client(scope)
    found = patches(scope, ApplyTo.CLUSTER)
    parts = [*outbound_parts(scope, client, found, by_sni=False)]
    if scope.proxy.is_sidecar:
        parts.append(sidecar_clusters(client, scope.settings, resolver(scope), found))
        parts.append(own_clusters(scope, client, found))
    else:
        parts.append(router_clusters(client, scope.settings, found))
        if scope.gateway.auto_passthrough:
            parts += outbound_parts(scope, client, found, by_sni=True)
    return tuple(parts)


def outbound_parts(
    scope: ProxyScope, client: ClusterClient, found: Patches, *, by_sni: bool
) -> Iterator[Part]:
    """The clusters of the services it sees: those that are the same wherever the client is, and others."""
    mesh = scope.mesh
    index, peers = mesh.endpoints, mesh.peer_authentications
    inputs = (scope.outbound, selected_rules(scope), client, scope.settings, found, index, peers, by_sni)
    yield shared_clusters(*inputs)
    place = endpoint_view(scope.proxy)
    if any_placed(scope.outbound, selected_rules(scope), client, scope.settings):
        yield placed_clusters(*inputs, place)


@kept
def shared_clusters(
    view: OutboundView,
    selected: Selected,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    by_sni: bool,
) -> Part:
    """Those that are the same wherever the client is."""
    found: dict[str, Resource] = {}
    for service, rule, placed in wanted(view, selected, client, settings):
        if not placed:
            made = of_service(service, rule, client, settings, patches, index, peers, by_sni, NOWHERE)
            found.update({each.name: each for each in made if each.name not in found})
    return found


@kept
def placed_clusters(
    view: OutboundView,
    selected: Selected,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    by_sni: bool,
    place: EndpointView,
) -> Part:
    """Those that carry their endpoints, ordered by where the client is."""
    found: dict[str, Resource] = {}
    for service, rule, placed in wanted(view, selected, client, settings):
        if placed:
            made = of_service(service, rule, client, settings, patches, index, peers, by_sni, place)
            found.update({each.name: each for each in made if each.name not in found})
    return found


@kept
def wanted(
    view: OutboundView, selected: Selected, client: ClusterClient, settings: MeshSettings
) -> tuple[tuple[Service, MergedDestinationRule | None, bool], ...]:
    """Each service with its rule, and whether the place of the client counts in its clusters."""
    found = ((s, rule_of(view, selected, s)) for s in view.services if s.resolution is not Resolution.ALIAS)
    return tuple((s, rule, place_counts(s, rule, client.router, settings)) for s, rule in found)


@kept
def any_placed(
    view: OutboundView, selected: Selected, client: ClusterClient, settings: MeshSettings
) -> bool:
    """Whether the place of the client counts anywhere."""
    return any(placed for _, _, placed in wanted(view, selected, client, settings))


@kept
def place_counts(
    service: Service, rule: MergedDestinationRule | None, router: bool, settings: MeshSettings
) -> bool:
    """Whether clusters that carry their endpoints order them by where the client is."""
    if discovery_type(service, router) not in DNS_TYPES:
        return False
    somewhere = EndpointView(locality="somewhere", node="somewhere")
    policies = (
        cluster_policy(rule, port.number, subset, service.traffic_distribution, settings)
        for port in cluster_ports(service)
        for subset in subset_names(service, rule)
    )
    return any(narrowed(somewhere, service, policy, networks=False) != NOWHERE for policy in policies)


def of_service(
    service: Service,
    rule: MergedDestinationRule | None,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    index: EndpointIndex,
    peers: PeerAuthenticationIndex,
    by_sni: bool,
    place: EndpointView,
) -> tuple[Resource, ...]:
    """The clusters of one service. What they do not look at is no input of them, so they outlive its change."""
    if by_sni and (service.mesh_external or is_dynamic(service)):
        return ()
    known = index.of(service)
    accounts = (*known.service_accounts, *service.service_accounts)
    mode = peers.namespace_mode(service.namespace)
    used = known if looks_at_endpoints(service, rule, client.router) else NO_ENDPOINTS
    of = peers if discovery_type(service, client.router) in DNS_TYPES else None
    return service_clusters(
        service, rule, client, settings, accounts, mode, used, of, place, by_sni, patches
    )


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
    place: EndpointView,
    by_sni: bool,
    patches: Patches,
) -> tuple[Resource, ...]:
    """The clusters of one service, serialised. `accounts` are the identities in the mesh's own trust domain."""
    identities = in_every_domain(accounts, settings.config.trust_domain_aliases)
    origins = (service.origin, *(rule.sources if rule is not None else ()))
    inputs = (service, rule, client, settings, identities, namespace_mode, endpoints, peers, place, by_sni)
    made = (patched_cluster(outbound_cluster(each), patches, side(client)) for each in outbounds(*inputs))
    return tuple(cluster_resource(each, origins) for each in made if each is not None)


def side(client: ClusterClient) -> int:
    """The side of a proxy that faces the services it sees, as EnvoyFilters call it."""
    return PatchContext.GATEWAY if client.router else PatchContext.SIDECAR_OUTBOUND


@kept
def sidecar_clusters(
    client: ClusterClient, settings: MeshSettings, resolver: str | None, patches: Patches
) -> Part:
    """What every sidecar has on its way out, and what EnvoyFilters add there."""
    made = patched(fixed_sidecar_clusters(client, settings, resolver), patches, side(client))
    return part((*made, *added_clusters(patches, side(client)), *sds_clusters(client, settings)))


@kept
def router_clusters(client: ClusterClient, settings: MeshSettings, patches: Patches) -> Part:
    """What every gateway has, and what EnvoyFilters add to it."""
    made = patched((black_hole(settings),), patches, side(client))
    return part((*made, *added_clusters(patches, side(client)), *sds_clusters(client, settings)))


def patched(made: Iterable[Cluster], patches: Patches, context: int) -> Iterator[Cluster]:
    """The clusters as the patches leave them."""
    found = (patched_cluster(each, patches, context) for each in made)
    return (each for each in found if each is not None)


def sds_clusters(client: ClusterClient, settings: MeshSettings) -> Iterator[Cluster]:
    """The server of credentials in the Pod, where there is one."""
    if client.credential_socket:
        yield external_sds(settings)


def own_clusters(scope: ProxyScope, client: ClusterClient, found: Patches) -> Part:
    """The clusters of a sidecar's own workload."""
    proxy, sidecar = scope.proxy, scope.sidecar
    rules = tuple(scope.inbound_rule(target.service) for target in scope.targets)
    ingress = sidecar if sidecar is not None and sidecar.message.ingress else None
    captured = proxy.interception is not Interception.NONE
    if ingress is not None:
        families = (proxy.supports_ipv4, proxy.supports_ipv6)
        return ingress_clusters(
            ingress, scope.targets, rules, proxy.addresses, client, scope.settings, found, *families
        )
    targets = scope.targets if captured else ()
    used = rules if captured else ()
    return inbound_clusters(targets, used, sidecar, client, scope.settings, found, *bind(proxy))


def bind(proxy: Proxy) -> tuple[str, bool, bool]:
    """The loopback address of a proxy, and its address families."""
    return proxy.localhost, proxy.supports_ipv4, proxy.supports_ipv6


@kept
def inbound_clusters(
    targets: tuple[ServiceTarget, ...],
    rules: Rules,
    sidecar: Sidecar | None,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    localhost: str,
    ipv4: bool,
    ipv6: bool,
) -> Part:
    """Those of a workload whose ports are what the services say."""
    where = default_bind(settings, localhost)
    found = service_inbounds(targets, rules, sidecar, where, client, settings, ipv4)
    made = own_ports(found, inbound_passthrough(client, settings, ipv4, ipv6), patches)
    return part(made, origins(targets, rules))


@kept
def ingress_clusters(
    sidecar: Sidecar,
    targets: tuple[ServiceTarget, ...],
    rules: Rules,
    addresses: tuple[str, ...],
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    ipv4: bool,
    ipv6: bool,
) -> Part:
    """Those of a workload whose ports are what its Sidecar says."""
    found = ingress_inbounds(sidecar, targets, rules, addresses, client, settings, ipv4)
    made = own_ports(found, inbound_passthrough(client, settings, ipv4, ipv6), patches)
    return part(made, (sidecar, *origins(targets, rules)))


def own_ports(found: Iterable[Inbound], passthrough: Cluster, patches: Patches) -> Iterator[Cluster]:
    """The clusters of the workload's ports as patches leave them, the one for all other ports, and added ones."""
    for each in found:
        cluster = patched_cluster(inbound_cluster(each), patches, INBOUND, each.hosts)
        if cluster is not None:
            yield cluster
    yield from patched((passthrough,), patches, INBOUND)
    yield from added_clusters(patches, INBOUND)


def origins(targets: tuple[ServiceTarget, ...], rules: Rules) -> tuple[object, ...]:
    """The documents behind a workload's clusters."""
    return (
        *(target.service.origin for target in targets),
        *(source for rule in rules if rule is not None for source in rule.sources),
    )


def resolver(scope: ProxyScope) -> str | None:
    """Where unknown hosts are asked for by name, "" for the system's resolver; None where they are not."""
    mode: int = scope.outbound.outbound_traffic_policy.mode
    if mode != MeshConfig.OutboundTrafficPolicy.Mode.ALLOW_ANY_DYNAMIC_DNS:
        return None
    proxy = scope.proxy
    return str(proxy.metadata.get("DNS_PROXY_ADDR") or LOCAL_DNS) if proxy.dns_capture else ""


def part(made: Iterable[Cluster], origins: tuple[object, ...] = ()) -> Part:
    """Clusters by name; of two with one name the first."""
    found: dict[str, Resource] = {}
    for each in made:
        found.setdefault(each.name, cluster_resource(each, origins))
    return found


def cluster_resource(cluster: Cluster, origins: tuple[object, ...] = ()) -> Resource:
    """The resource of a cluster; an EDS cluster needs its endpoints."""
    needs = [cluster.eds_cluster_config.service_name] if by_ads(cluster) else []
    return resource(cluster.name, cluster.SerializeToString(deterministic=True), needs, origins)


def by_ads(cluster: Cluster) -> bool:
    """Whether its endpoints come over ADS."""
    source: ConfigSource = cluster.eds_cluster_config.eds_config
    return cluster.type == Cluster.EDS and source.HasField("ads")
