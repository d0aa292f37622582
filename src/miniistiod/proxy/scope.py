"""All that one proxy may see and must obey: the only argument of `generate`.

A scope is cheap and made anew for each mesh, from the one before: what did not change is carried over
(proxy.facts). What it gives out is shared by all proxies for which it is equal, so that generators can be
kept under it (mesh.kept).
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.istio.networking import envoy_filter_pb2
from miniistiod.api.istio.networking.sidecar_pb2 import OutboundTrafficPolicy
from miniistiod.api.istio.security import (
    authorization_policy_pb2,
    peer_authentication_pb2,
    request_authentication_pb2,
)
from miniistiod.api.istio.telemetry import telemetry_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.destination_rules import MergedDestinationRule, Rules
from miniistiod.mesh.envoy_filters import envoy_filters_of
from miniistiod.mesh.extensions import Extensions, by_priority
from miniistiod.mesh.identity import in_every_domain
from miniistiod.mesh.kept import kept
from miniistiod.mesh.locality import locality, with_topology
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.service import Service, ServiceEndpoints
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.mesh.telemetry import applied
from miniistiod.mesh.workload import Workload
from miniistiod.mesh.workloads import WorkloadIndex
from miniistiod.proxy import gateways, inbound, outbound, proxy_config
from miniistiod.proxy.facts import Facts, fact
from miniistiod.proxy.gateways import MergedGateway
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.outbound import Destinations, OutboundView, TcpView, Upstreams
from miniistiod.proxy.proxy_config import EffectiveProxyConfig
from miniistiod.proxy.workload import workload_of


class ProxyScope:
    """One proxy in one mesh. Everything is worked out when first asked for. `before` is its scope in another
    mesh."""

    __slots__ = ("facts", "proxy")

    def __init__(self, proxy: Proxy, mesh: Mesh, before: ProxyScope | None = None) -> None:
        self.proxy = proxy
        own = {"workload": own_workload(proxy, mesh.workloads)}
        self.facts: Facts = Facts(mesh, own, None if before is None else before.facts)

    @property
    def mesh(self) -> Mesh:
        """The whole mesh; facts that read an index of it depend on this index."""
        return self.facts.indexes

    @property
    def settings(self) -> MeshSettings:
        """The settings of the mesh."""
        return self.mesh.settings

    @property
    @fact
    def proxy_config(self) -> EffectiveProxyConfig:
        """What the proxy itself is configured with: its own PROXY_CONFIG, or the mesh's defaultConfig."""
        return proxy_config.effective(self.settings, self.proxy.proxy_config)

    @property
    def workload(self) -> Workload:
        """The workload behind it: the Pod or WorkloadEntry with its address, else what its Node says."""
        found: Workload = self.facts.index("workload")
        return found

    @property
    @fact
    def labels(self) -> Mapping[str, str]:
        """By which policies, Sidecars and Gateways select it: those of its workload and of the place it
        runs in.
        """
        return labels_of(self.workload, self.proxy)

    @property
    @fact
    def locality(self) -> str:
        """region/zone/sub-zone: what the mesh knows of its workload, else what its Node says."""
        return locality_of(self.workload, self.proxy)

    @property
    @fact
    def sidecar(self) -> Sidecar | None:
        """The Sidecar in force; always None for a router."""
        if self.proxy.is_router:
            return None
        return self.mesh.sidecars.of_workload(self.proxy.namespace, self.labels)

    @property
    @fact
    def outbound(self) -> OutboundView:
        """Services, VirtualServices and rules on the way out, shared by the proxies of a namespace and
        Sidecar.
        """
        return outbound.outbound_view(
            self.proxy.namespace,
            self.sidecar,
            self.proxy.is_router,
            self.settings,
            self.mesh.services,
            self.mesh.virtual_services,
            self.mesh.destination_rules,
        )

    @property
    @fact
    def upstreams(self) -> Upstreams:
        """The services it can reach and the rules for them."""
        return self.outbound.upstreams

    @property
    @fact
    def tcp(self) -> TcpView:
        """What of its way out counts for TCP."""
        return outbound.tcp_view(self.outbound)

    @property
    @fact
    def outbound_traffic_policy(self) -> OutboundTrafficPolicy:
        """What it does with unknown hosts."""
        return self.outbound.outbound_traffic_policy

    @property
    @fact
    def destinations(self) -> Destinations:
        """Each service it sees with the DestinationRule in force; the same object for equal proxies."""
        return outbound.destinations(self.upstreams, self.own_rules)

    @property
    @fact
    def own_rules(self) -> Rules:
        """The DestinationRules with a workloadSelector that selects it."""
        return outbound.chosen(self.upstreams.rule_table, self.labels)

    @property
    @fact
    def targets(self) -> tuple[ServiceTarget, ...]:
        """The service ports that lead to its workload, in order of precedence (oldest service first)."""
        return inbound.service_targets(self.mesh, self.workload, self.proxy.cluster)

    @property
    @fact
    def gateway(self) -> MergedGateway:
        """What a router listens on; NO_GATEWAY for a sidecar."""
        if self.proxy.is_sidecar:
            return gateways.NO_GATEWAY
        return gateways.merged_gateway(
            gateways.selecting(self.mesh.gateways, self.labels),
            self.targets,
            self.mesh.virtual_services,
            self.proxy.namespace,
        )

    def destination_rule(self, service: Service) -> MergedDestinationRule | None:
        """The rule for traffic to a service; one whose workloadSelector selects this proxy comes first."""
        return outbound.in_force(service, self.upstreams.rule_table, self.own_rules)

    def inbound_rule(self, service: Service) -> MergedDestinationRule | None:
        """The rule for traffic from the sidecar to its own application; selectors do not count here."""
        return outbound.in_force(service, self.upstreams.rule_table, ())

    def endpoints(self, service: Service) -> ServiceEndpoints:
        """The endpoints of a service."""
        return self.mesh.endpoints.of(service)

    def service_accounts(self, service: Service) -> tuple[str, ...]:
        """The identities a client accepts of a service, those of its endpoints among them, in all trust
        domains.
        """
        known = self.endpoints(service).service_accounts
        return in_every_domain((*known, *service.service_accounts), self.settings.trust_domains[1:])

    @property
    @fact
    def peer_authentications(self) -> tuple[Object[peer_authentication_pb2.PeerAuthentication], ...]:
        """Those that count for its workload, the mesh's first; at most one of each level."""
        return self.mesh.peer_authentications.of_workload(self.proxy.namespace, self.labels)

    @property
    @fact
    def request_authentications(self) -> tuple[Object[request_authentication_pb2.RequestAuthentication], ...]:
        """All that apply, its own namespace's first: the order of rules that share an issuer."""
        return self.mesh.request_authentications.nearest_first(self.proxy.namespace, self.labels)

    @property
    @fact
    def authorization_policies(self) -> tuple[Object[authorization_policy_pb2.AuthorizationPolicy], ...]:
        """All that apply, the root namespace's first, then its own namespace's."""
        return self.mesh.authorization_policies.of_workload(self.proxy.namespace, self.labels)

    @property
    @fact
    def telemetries(self) -> tuple[Object[telemetry_pb2.Telemetry], ...]:
        """Those that count, from far to near: the root namespace's, the namespace's, the workload's own."""
        return applied(self.mesh.telemetries, self.proxy.namespace, self.labels)

    @property
    @fact
    def envoy_filters(self) -> tuple[Object[envoy_filter_pb2.EnvoyFilter], ...]:
        """Those that apply, in the order in which they patch."""
        return envoy_filters_of(self.mesh.envoy_filters, self.proxy.namespace, self.labels)

    @property
    @fact
    def extensions(self) -> Extensions:
        """The filters that users bring to it, those of the highest priority first."""
        return by_priority(self.mesh.extensions.nearest_first(self.proxy.namespace, self.labels))

    @property
    @fact
    def named_extensions(self) -> Extensions:
        """All that it may ask for by name: of its namespace and the root namespace, whomever they select."""
        index = self.mesh.extensions
        places = dict.fromkeys((self.proxy.namespace, index.root_namespace))
        return tuple(each for place in places for each in index.in_namespace(place))


def own_workload(proxy: Proxy, workloads: WorkloadIndex) -> Workload:
    """The workload behind a proxy, of the proxy's own namespace."""
    known = workloads.pods.get((proxy.namespace, proxy.name)) or workloads.at(proxy.addresses[0])
    return known if known is not None and known.namespace == proxy.namespace else workload_of(proxy)


@kept
def labels_of(workload: Workload, proxy: Proxy) -> Mapping[str, str]:
    """The labels of a workload, and those of the place it runs in as far as its proxy knows them."""
    place = locality_of(workload, proxy)
    return with_topology(workload.labels, place, proxy.cluster, proxy.node_name, proxy.network)


@kept
def locality_of(workload: Workload, proxy: Proxy) -> str:
    """The place of a workload: what the mesh knows, its own label, what the proxy says."""
    return workload.locality or locality(workload.labels, {}) or proxy.locality
