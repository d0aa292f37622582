"""A service as seen by its clients → its clusters: one for each port, and one for each subset at each port.

`mesh` has chosen the rule; here a cluster is put together from what the leaves make of it. With `by_sni` the
same for a gateway that passes mutual TLS on as it is: such a cluster speaks no TLS of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.core.v3.health_check_pb2 import HealthStatus, HealthStatusSet
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.generate import cluster_metadata as about
from miniistiod.generate.cluster_client import ClusterClient
from miniistiod.generate.cluster_discovery import (
    cluster_ports,
    discovery_type,
    is_dynamic,
    races,
    subset_names,
)
from miniistiod.generate.cluster_dynamic import dynamic
from miniistiod.generate.cluster_fragments import (
    dns,
    eds,
    exchange,
    http_options,
    joined,
    limits,
    stat_name,
)
from miniistiod.generate.cluster_policy import ClusterPolicy, cluster_policy, inherits_passthrough
from miniistiod.generate.cluster_tls import PLAIN, TlsChoice, sockets, tls_choice, tls_context, withheld
from miniistiod.generate.endpoint_assignment import assignment, cluster_groups, mutual_only
from miniistiod.generate.endpoint_groups import keeps_sessions
from miniistiod.generate.endpoint_networks import across_networks
from miniistiod.generate.endpoint_view import EndpointView
from miniistiod.generate.stat_names import outbound_stat_name
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.networks import Gateways
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.service import Port, Registry, Resolution, Service, ServiceEndpoints
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.destination_rule.client_tls_settings import names_from_request
from miniistiod.translate.destination_rule.http_protocol_options import http_protocol_options
from miniistiod.translate.destination_rule.load_balancer import load_balancer
from miniistiod.translate.destination_rule.locality_groups import Group
from miniistiod.translate.destination_rule.locality_lb_setting import common_lb_config, localised
from miniistiod.translate.destination_rule.outlier_detection import outlier_detection
from miniistiod.translate.destination_rule.upstream_protocol import is_http2, upstream_protocol
from miniistiod.vocab import cluster_name

DNS_TYPES = (Cluster.STRICT_DNS, Cluster.LOGICAL_DNS)
UPGRADE = MeshConfig.H2UpgradePolicy.UPGRADE

STICKY = HealthStatusSet(
    statuses=[
        HealthStatus.HEALTHY,
        HealthStatus.DRAINING,
        HealthStatus.UNKNOWN,
        HealthStatus.DEGRADED,
    ]
)
"""Where a session may be kept: a draining endpoint still serves the sessions it has."""


class Outbound(NamedTuple):
    """All that one cluster is made from. `accounts` are the identities of the service's workloads, in every
    trust domain. `offers_mutual`: nobody switched mutual TLS off. `endpoints` are looked at only by clusters
    that carry them (DNS). `passed_on`: a subset of a cluster that goes where the client wanted to go."""

    service: Service
    port: Port
    rule: MergedDestinationRule | None
    subset: str
    policy: ClusterPolicy
    by_sni: bool
    client: ClusterClient
    settings: MeshSettings
    accounts: tuple[str, ...]
    offers_mutual: bool
    endpoints: tuple[Group, ...]
    place: EndpointView
    passed_on: bool

    @property
    def name(self) -> str:
        """The cluster's name."""
        form = cluster_name.outbound_sni if self.by_sni else cluster_name.outbound
        return form(self.service.hostname, self.port.number, self.subset)

    @property
    def type(self) -> Cluster.DiscoveryType:
        """Where its endpoints come from, before its own policy is looked at."""
        return Cluster.ORIGINAL_DST if self.passed_on else discovery_type(self.service, self.client.router)

    @property
    def original_destination(self) -> bool:
        """Whether it goes where the client wanted to go."""
        return not self.dynamic and (self.policy.passthrough or self.type == Cluster.ORIGINAL_DST)

    @property
    def dynamic(self) -> bool:
        """Whether its host is found in each request."""
        return is_dynamic(self.service)


def outbound_cluster(made: Outbound) -> Cluster:
    """One cluster."""
    policy, choice = made.policy, tls(made)
    version = http_version(made)
    names = names_from_request(choice.settings, made.dynamic) if choice.settings is not None else None
    options = http_protocol_options(policy.pool, version, policy.outlier, names)
    cluster = Cluster(
        name=made.name,
        alt_stat_name=alt_stat_name(made),
        outlier_detection=outlier_detection(policy.outlier),
        filters=exchange(made.client.extensions),
        metadata=metadata(made),
        typed_extension_protocol_options=http_options(options),
    )
    context = tls_context(
        choice,
        made.client,
        server_name="" if made.dynamic else made.name,
        http2=is_http2(version),
        identities=made.accounts if made.service.registry is Registry.EXTERNAL else (),
        defaults=made.settings.config.tls_defaults if made.settings.config.HasField("tls_defaults") else None,
    )
    told = None if made.by_sni else policy.proxy_protocol
    return joined(
        cluster,
        discovery(made, choice),
        limits(policy.pool, made.settings, policy.retry_budget),
        balancing(made),
        sockets(choice, context, made.original_destination, told),
    )


def tls(made: Outbound) -> TlsChoice:
    """The TLS it speaks."""
    asked = made.policy.message.tls if made.policy.message.HasField("tls") else None
    for_some = made.rule is not None and made.rule.selector is not None
    if made.by_sni or withheld(asked, made.client, for_some):
        return PLAIN
    sni = cluster_name.outbound_sni(made.service.hostname, made.port.number, made.subset)
    return tls_choice(
        asked,
        offers_mutual=made.offers_mutual,
        external=made.service.mesh_external,
        identities=made.accounts,
        server_name="" if made.dynamic else sni,
        certificate=made.client.certificate,
    )


def http_version(made: Outbound) -> HttpProtocolOptions | None:
    """The HTTP version it speaks."""
    return upstream_protocol(
        made.policy.pool,
        made.port.protocol,
        detects=not made.client.router,
        preserves_case=made.client.preserves_case,
        upgrades=made.settings.config.h2_upgrade_policy == UPGRADE,
    )


def discovery(made: Outbound, choice: TlsChoice) -> Cluster:
    """Its type and what goes with it."""
    if made.dynamic:
        return dynamic(made.service, made.client, choice.settings)
    if made.policy.passthrough and (made.subset or made.type not in DNS_TYPES):
        return original_destination(made)
    match made.type:
        case Cluster.EDS:
            return eds(made.name)
        case Cluster.ORIGINAL_DST:
            return original_destination(made)
        case type_:
            return by_dns(made, type_)


def by_dns(made: Outbound, type_: Cluster.DiscoveryType) -> Cluster:
    """With the names to ask for. A policy of PASSTHROUGH leaves them out, but not how they would be asked."""
    family = Cluster.ALL if races(made.service) else made.client.dns_family
    if made.policy.passthrough:
        return dns(Cluster.ORIGINAL_DST, family, made.settings)
    policy = made.policy
    labelled = not made.subset
    groups = localised(
        policy.locality, made.endpoints, made.place.client, policy.outlier is not None, labelled
    )
    return joined(dns(type_, family, made.settings), Cluster(load_assignment=assignment(made.name, groups)))


def original_destination(made: Outbound) -> Cluster:
    """Where the client wanted to go; a ServiceEntry may say to another port."""
    cluster = Cluster(type=Cluster.ORIGINAL_DST)
    target = made.service.port_override(made.port.number)
    if target and (made.subset or made.type == Cluster.ORIGINAL_DST):
        cluster.original_dst_lb_config.upstream_port_override.value = target
    return cluster


def balancing(made: Outbound) -> Cluster:
    """How an endpoint is chosen. Clusters that find it themselves have no say in that."""
    if made.dynamic:
        return Cluster()
    common = common_lb_config(
        made.policy.locality, made.policy.outlier, bool(made.service.traffic_distribution)
    )
    if keeps_sessions(made.service) and not made.subset and not made.by_sni:
        common.override_host_status.CopyFrom(STICKY)
    if made.type == Cluster.ORIGINAL_DST:
        return Cluster(common_lb_config=common, lb_policy=Cluster.CLUSTER_PROVIDED)
    return joined(Cluster(common_lb_config=common), load_balancer(made.policy.balancer))


def metadata(made: Outbound) -> Metadata | None:
    """Which service it is of, and which rule made it."""
    asked = made.policy.message.tls if made.policy.message.HasField("tls") else None
    return about.cluster_metadata(
        {} if made.dynamic else about.of_services([made.service]),
        {} if made.subset or made.by_sni else about.of_external(made.service),
        about.of_rule(made.rule),
        about.of_subset(made.subset),
        about.of_alpn(made.rule, asked),
    )


def alt_stat_name(made: Outbound) -> str:
    """The mesh's outboundClusterStatName, or else the cluster's own name."""
    pattern = made.settings.config.outbound_cluster_stat_name
    if not pattern or made.dynamic:
        return stat_name(made.name)
    port = made.port
    return stat_name(outbound_stat_name(pattern, made.service, made.subset, port.number, port.name))


class Known(NamedTuple):
    """What clusters must know of the endpoints of their service and of the ways there.

    `identities` are those of its workloads in every trust domain, `namespace_mode` is the mode of mutual TLS
    that policies of its namespace name. `peers` and `gateways` are looked at by clusters that ask DNS.
    """

    identities: tuple[str, ...]
    namespace_mode: str
    endpoints: ServiceEndpoints
    peers: PeerAuthenticationIndex | None
    gateways: Gateways


def outbounds(
    service: Service,
    rule: MergedDestinationRule | None,
    client: ClusterClient,
    settings: MeshSettings,
    known: Known,
    place: EndpointView,
    by_sni: bool,
) -> Iterator[Outbound]:
    """All clusters of a service. One that asks DNS and has no names to ask for does not exist."""
    carries = discovery_type(service, client.router) in DNS_TYPES
    for port in cluster_ports(service):
        for subset in subset_names(service, rule):
            policy = cluster_policy(rule, port.number, subset, service.traffic_distribution, settings)
            groups = carried(service, port, rule, subset, policy, known, place, by_sni) if carries else ()
            if carries and not groups and not subset:
                break
            passed_on = not is_dynamic(service) and inherits_passthrough(rule, port.number, subset, settings)
            if carries and not groups and not (policy.passthrough or passed_on):
                continue
            mutual = offers_mutual(service, port, rule, subset, known, settings)
            identities = () if is_dynamic(service) else known.identities
            inputs = (service, port, rule, subset, policy, by_sni, client, settings, identities)
            yield Outbound(*inputs, mutual, groups, place, passed_on)


def carried(
    service: Service,
    port: Port,
    rule: MergedDestinationRule | None,
    subset: str,
    policy: ClusterPolicy,
    known: Known,
    place: EndpointView,
    by_sni: bool,
) -> tuple[Group, ...]:
    """The endpoints that a cluster carries itself."""
    if known.peers is None:
        return ()
    inputs = (service, port, rule, subset, known.endpoints.in_cluster(port), policy, known.peers, place.node)
    groups = across_networks(cluster_groups(*inputs), known.gateways, place, names=True)
    return mutual_only(groups) if by_sni else groups


def offers_mutual(
    service: Service,
    port: Port,
    rule: MergedDestinationRule | None,
    subset: str,
    known: Known,
    settings: MeshSettings,
) -> bool:
    """Whether mutual TLS may be spoken to the service, as far as its clients can know.

    Policies of single workloads do not count: their endpoints say so themselves. Where the client's original
    destination is the endpoint it says nothing, so all of them must speak it.
    """
    if not settings.auto_mtls or known.namespace_mode == "DISABLE":
        return False
    own = rule.message.traffic_policy if rule is not None else None
    if rule is not None and subset:
        own = next((s.traffic_policy for s in rule.message.subsets if s.name == subset), own)
    passthrough = own is not None and own.load_balancer.simple == own.load_balancer.PASSTHROUGH
    if service.resolution is not Resolution.PASSTHROUGH and not passthrough:
        return True
    behind = known.endpoints.in_cluster(port)
    return bool(behind) and all(e.tls_mode != "disabled" for e in behind)
