"""Where a TCP chain leads: a service, or the destinations of a tcp or tls rule, as tcp_proxy goes there.

In come a client's view and a rule; out comes a value, from which the tcp_proxy is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.type.v3.hash_policy_pb2 import HashPolicy

from miniistiod.api.istio.networking.destination_rule_pb2 import DestinationRule
from miniistiod.api.istio.networking.virtual_service_pb2 import Destination, RouteDestination
from miniistiod.generate.bindings import bindings
from miniistiod.generate.stat_names import outbound_stat_name
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Registry, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.facts import fact
from miniistiod.proxy.outbound import TcpView, rule_for
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.destination_rule.tunnel import tunnel_of
from miniistiod.translate.virtual_service.destination import destination_cluster
from miniistiod.vocab import cluster_name

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TcpClient:
    """Who connects: a view, and those of the client's labels that any rule for TCP asks for. A value.

    `dns_domain` is that of its resolver; `ipv4` and `ipv6` are the families it speaks.
    """

    view: TcpView
    labels: Labels
    settings: MeshSettings
    dns_domain: str
    ipv4: bool
    ipv6: bool

    def rule(self, service: Service | None) -> MergedDestinationRule | None:
        """The rule in force for traffic to a service."""
        return None if service is None else rule_for(self.view.upstreams, service, dict(self.labels))

    def addresses(self, service: Service) -> tuple[str, ...]:
        """What it dials for a service. A ServiceEntry's address counts whatever its family: it is a name."""
        kubernetes = service.registry is Registry.KUBERNETES
        own = service.dialled(self.ipv4, self.ipv6) if kubernetes else ()
        return own or service.addresses[:1]


@dataclass(frozen=True, slots=True)
class TcpTarget:
    """One target. `shares` are clusters with their weights; a single cluster has weight 0.

    `rule` is the DestinationRule whose connection pool, hash and tunnel count, for this `subset`.
    """

    stat_prefix: str
    shares: tuple[tuple[str, int], ...]
    rule: MergedDestinationRule | None = None
    subset: str = ""
    tunnelled: bool = True


@fact
def tcp_client(scope: ProxyScope) -> TcpClient:
    """The client that a proxy is."""
    proxy, view = scope.proxy, scope.tcp
    asked = asked_labels(view)
    labels = tuple(sorted((k, v) for k, v in proxy.labels.items() if k in asked))
    bound = bindings(proxy, scope.settings)
    return TcpClient(view, labels, scope.settings, proxy.dns_domain, bound.ipv4, bound.ipv6)


@kept
def asked_labels(view: TcpView) -> frozenset[str]:
    """The labels of clients that a rule of the view asks for."""
    found: set[str] = set()
    for listener in view.listeners:
        for one in listener.virtual_services:
            of_tcp = (match for route in one.message.tcp for match in route.match)
            of_tls = (match for route in one.message.tls for match in route.match)
            found.update(key for match in of_tcp for key in match.source_labels)
            found.update(key for match in of_tls for key in match.source_labels)
    for rules in view.upstreams.rules.values():
        found.update(key for rule in rules for key in rule.selector or ())
    return frozenset(found)


def service_target(client: TcpClient, service: Service, port: int, subset: str = "") -> TcpTarget:
    """A port of a service."""
    name = cluster_name.outbound(service.hostname, port, subset)
    pattern = client.settings.config.outbound_cluster_stat_name
    stat_prefix = outbound_stat_name(pattern, service, subset, port) if pattern else name
    return TcpTarget(stat_prefix, ((name, 0),), client.rule(service), subset)


def routed_target(
    client: TcpClient,
    routes: Sequence[RouteDestination],
    port: int,
    port_name: str,
    source: MergedVirtualService,
) -> TcpTarget:
    """The destinations of a rule. The first one's DestinationRule counts for all."""
    first = routes[0].destination
    service = client.view.service(first.host)
    rule = client.rule(service)
    if len(routes) == 1:
        name = _cluster(client.view, first, port)
        pattern = client.settings.config.outbound_cluster_stat_name
        stat_prefix = name
        if pattern and service is not None:
            stat_prefix = outbound_stat_name(pattern, service, first.subset, port, port_name, first.host)
        return TcpTarget(stat_prefix, ((name, 0),), rule, first.subset)
    shares = tuple((_cluster(client.view, r.destination, port), r.weight) for r in routes if r.weight > 0)
    return TcpTarget(f"{source.origin.name}.{source.origin.namespace}", shares, rule)


def _cluster(view: TcpView, destination: Destination, port: int) -> str:
    service = view.service(destination.host)
    if service is None:
        return destination_cluster(destination, port)
    only = service.ports[0].number if len(service.ports) == 1 else 0
    return destination_cluster(destination, port, only, service.external_name)


def tcp_proxy(target: TcpTarget) -> TcpProxy:
    """The tcp_proxy of a target."""
    rule = target.rule.message if target.rule is not None else None
    made = TcpProxy(
        stat_prefix=target.stat_prefix,
        tunneling_config=tunnel_of(rule, target.subset) if target.tunnelled else None,
        hash_policy=_hash(rule, target.subset),
    )
    if target.shares and target.shares[0][1] == 0:
        made.cluster = target.shares[0][0]
    else:
        weight = TcpProxy.WeightedCluster.ClusterWeight
        shares = [weight(name=name, weight=share) for name, share in target.shares]
        made.weighted_clusters.CopyFrom(TcpProxy.WeightedCluster(clusters=shares))
    if rule is not None:
        _limit(made, rule)
    return made


def _limit(proxy: TcpProxy, rule: DestinationRule) -> None:
    """How long connections may be idle, and may last; only the rule's own policy says so."""
    pool = rule.traffic_policy.connection_pool.tcp
    if pool.HasField("idle_timeout"):
        proxy.idle_timeout.CopyFrom(pool.idle_timeout)
    if pool.HasField("max_connection_duration"):
        proxy.max_downstream_connection_duration.CopyFrom(pool.max_connection_duration)


def _hash(rule: DestinationRule | None, subset: str) -> list[HashPolicy]:
    """By source address, if the rule asks for it; a subset's own balancer decides for the subset."""
    if rule is None:
        return []
    balancer = rule.traffic_policy.load_balancer
    chosen = next((s for s in rule.subsets if s.name == subset), None)
    if chosen is not None and chosen.traffic_policy.HasField("load_balancer"):
        balancer = chosen.traffic_policy.load_balancer
    if not balancer.consistent_hash.use_source_ip:
        return []
    return [HashPolicy(source_ip=HashPolicy.SourceIp())]
