"""What sidecars see on their way out: egress listeners with their services and VirtualServices, and rules.

One view for all proxies of a namespace under the same Sidecar, so what is made from it is made once for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from miniistiod.api.istio.networking import sidecar_pb2
from miniistiod.mesh.destination_rules import DestinationRuleIndex, MergedDestinationRule, Rules
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import selected
from miniistiod.mesh.service import Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.mesh.virtual_services import MergedVirtualService, VirtualServiceIndex, governing
from miniistiod.proxy.imports import imported_rules, imported_services, imports
from miniistiod.proxy.reachable import hosts_of, reachable, wanted


@dataclass(frozen=True, slots=True, eq=False)
class EgressListener:
    """One egress listener of a Sidecar, or the catch-all of a namespace without one.

    `spec` is None for that catch-all. `services` may have fewer ports than the mesh knows (a listener with a
    port takes only that one). `virtual_services` are in order of precedence. `by_host` gives for the host of
    each service the VirtualService whose host is the most specific one.
    """

    spec: sidecar_pb2.IstioEgressListener | None
    services: tuple[Service, ...]
    virtual_services: tuple[MergedVirtualService, ...]
    by_host: Mapping[str, MergedVirtualService]

    @property
    def port(self) -> int:
        """The port it is for, 0 when it is for all (or is a Unix socket)."""
        return self.spec.port.number if self.spec is not None else 0

    @property
    def matched_port(self) -> int:
        """The port that its services have, 0 when it takes in services with any port."""
        return matched_port(self.spec)

    @property
    def is_catch_all(self) -> bool:
        """It names no port: it takes what no other listener does."""
        return is_catch_all(self.spec)


def is_catch_all(spec: sidecar_pb2.IstioEgressListener | None) -> bool:
    """Whether an egress listener names no port."""
    return spec is None or not spec.HasField("port")


@dataclass(frozen=True, slots=True)
class Destination:
    """A service that can be reached, and the DestinationRule in force for it. A value: it can be a key."""

    service: Service
    rule: MergedDestinationRule | None


class Destinations(tuple[Destination, ...]):
    """All destinations of some proxies: a tuple that is equal only to itself, so it is a cheap key."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True, slots=True, eq=False)
class RuleTable:
    """The candidate rules for each host name, and those among them that select their clients."""

    of: Mapping[str, Rules]
    selective: Rules


@dataclass(frozen=True, slots=True, eq=False)
class Upstreams:
    """The services that some proxies can reach, one for each host, and the rules for them.

    What VirtualServices say is not in it, so it outlives their changes.
    """

    services: tuple[Service, ...]
    by_host: Mapping[str, Service]
    rule_table: RuleTable

    @property
    def rules(self) -> Mapping[str, Rules]:
        """The candidate DestinationRules for each host name that has any."""
        return self.rule_table.of


@dataclass(frozen=True, slots=True, eq=False)
class OutboundView:
    """The way out for all proxies of one namespace and one Sidecar (None: nothing limits them).

    `upstreams` is the union over the listeners, merged by host. `outbound_traffic_policy` is the Sidecar's,
    or the mesh's mode. The same object until something in it changes.
    """

    namespace: str
    sidecar: Sidecar | None
    listeners: tuple[EgressListener, ...]
    upstreams: Upstreams
    outbound_traffic_policy: sidecar_pb2.OutboundTrafficPolicy

    @property
    def rules(self) -> Mapping[str, Rules]:
        """The candidate DestinationRules for each host name that has any."""
        return self.upstreams.rules

    def listener(self, port: int, bind: str = "") -> EgressListener | None:
        """The listener whose routes a port takes: the one of this port (or Unix socket), or the catch-all."""
        for each in self.listeners:
            socket = each.spec.bind if each.spec is not None else ""
            if each.is_catch_all or (each.port == port and (port or socket == bind)):
                return each
        return None


class TcpListener(NamedTuple):
    """One egress listener as far as TCP goes: `virtual_services` are those with rules for TCP or TLS."""

    spec: sidecar_pb2.IstioEgressListener | None
    services: tuple[Service, ...]
    virtual_services: tuple[MergedVirtualService, ...]

    @property
    def is_catch_all(self) -> bool:
        """It names no port: it takes what no other listener does."""
        return is_catch_all(self.spec)


@dataclass(frozen=True, slots=True, eq=False)
class TcpView:
    """What of a view counts for TCP: rules for HTTP only are not in it, so it outlives their changes."""

    namespace: str
    listeners: tuple[TcpListener, ...]
    upstreams: Upstreams

    def service(self, hostname: str) -> Service | None:
        """The service of this host name that these proxies see."""
        return self.upstreams.by_host.get(hostname)


@kept
def outbound_view(
    namespace: str,
    sidecar: Sidecar | None,
    router: bool,
    settings: MeshSettings,
    services: ServiceIndex,
    virtual_services: VirtualServiceIndex,
    destination_rules: DestinationRuleIndex,
) -> OutboundView:
    """The view of one namespace under one Sidecar. A Sidecar without egress listeners limits nothing.

    For a router no service of its own namespace comes before the older one of the same host.
    """
    bound = virtual_services.at(namespace)
    listeners = tuple(egress_listener(each, namespace, services, bound) for each in egress_specs(sidecar))
    if router:
        listeners = (EgressListener(None, services.visible(namespace), bound, listeners[0].by_host),)
    union = reachable(
        tuple(
            (each.matched_port, each.services, wanted(each.virtual_services, namespace)) for each in listeners
        ),
        services,
        namespace,
    )
    return OutboundView(
        namespace=namespace,
        sidecar=sidecar,
        listeners=listeners,
        upstreams=upstreams(union, rules_of(union, destination_rules, namespace)),
        outbound_traffic_policy=traffic_policy(sidecar, settings),
    )


def egress_listener(
    spec: sidecar_pb2.IstioEgressListener | None,
    namespace: str,
    services: ServiceIndex,
    bound: tuple[MergedVirtualService, ...],
) -> EgressListener:
    """One listener with what its hosts take in; None stands for the one that takes in everything."""
    hosts = imports(("*/*",) if spec is None else tuple(spec.hosts), namespace)
    taken = imported_services(hosts, services, namespace, matched_port(spec))
    rules = bound if spec is None else imported_rules(hosts, bound)
    return EgressListener(spec, taken, rules, governing((s.hostname for s in taken), rules))


def matched_port(spec: sidecar_pb2.IstioEgressListener | None) -> int:
    """The port that services must have, 0 for any: an HTTP proxy takes requests for all ports."""
    if spec is None or spec.port.protocol.upper() == "HTTP_PROXY":
        return 0
    return spec.port.number


@kept
def upstreams(services: tuple[Service, ...], rules: RuleTable) -> Upstreams:
    """These services and rules; one object for equal ones."""
    return Upstreams(services, hosts_of(services), rules)


@kept
def tcp_view(view: OutboundView) -> TcpView:
    """What of a view counts for TCP."""
    listeners = ((each.services, _of_tcp(each.virtual_services)) for each in view.listeners)
    return _tcp_view(view.namespace, view.sidecar, tuple(listeners), view.upstreams)


def _of_tcp(rules: tuple[MergedVirtualService, ...]) -> tuple[MergedVirtualService, ...]:
    return tuple(each for each in rules if each.message.tcp or each.message.tls)


@kept
def _tcp_view(
    namespace: str,
    sidecar: Sidecar | None,
    taken: tuple[tuple[tuple[Service, ...], tuple[MergedVirtualService, ...]], ...],
    upstreams: Upstreams,
) -> TcpView:
    specs = egress_specs(sidecar)
    listeners = (TcpListener(spec, *each) for spec, each in zip(specs, taken, strict=True))
    return TcpView(namespace, tuple(listeners), upstreams)


def egress_specs(sidecar: Sidecar | None) -> list[sidecar_pb2.IstioEgressListener | None]:
    """The egress listeners of a Sidecar; None stands for one that limits nothing."""
    return (list(sidecar.message.egress) if sidecar is not None else []) or [None]


@kept
def rules_of(
    services: tuple[Service, ...], destination_rules: DestinationRuleIndex, namespace: str
) -> RuleTable:
    """The candidates for each host name that has any. Rules with a selector count in their own namespace
    only.
    """
    every = ((service.hostname, destination_rules.rules(service, namespace)) for service in services)
    found = {host: rules for host, rules in every if rules}
    selective = (rule for rules in found.values() for rule in rules if rule.selector is not None)
    return RuleTable(found, tuple(rule for rule in selective if rule.namespace == namespace))


def traffic_policy(sidecar: Sidecar | None, settings: MeshSettings) -> sidecar_pb2.OutboundTrafficPolicy:
    """The Sidecar's, or the mode of the mesh."""
    if sidecar is not None and sidecar.message.HasField("outbound_traffic_policy"):
        return sidecar.message.outbound_traffic_policy
    mode: int = settings.config.outbound_traffic_policy.mode
    return sidecar_pb2.OutboundTrafficPolicy(mode=mode)  # type: ignore[arg-type]


def chosen(rules: RuleTable, labels: Mapping[str, str]) -> Rules:
    """The rules with a selector that select a client with these labels."""
    return tuple(rule for rule in rules.selective if selected(rule.selector, labels))


@kept
def destinations(known: Upstreams, own: Rules) -> Destinations:
    """Each service with the rule in force for clients that `own` rules select."""
    return Destinations(Destination(s, in_force(s, known.rule_table, own)) for s in known.services)


def rule_for(known: Upstreams, service: Service, labels: Mapping[str, str]) -> MergedDestinationRule | None:
    """The rule in force for a client with these labels; with none only rules that are for all count."""
    return in_force(service, known.rule_table, chosen(known.rule_table, labels))


def in_force(service: Service, rules: RuleTable, own: Rules) -> MergedDestinationRule | None:
    """The rule in force: the first one that selects the client, else the last one that is for all."""
    for_all = None
    for rule in rules.of.get(service.hostname, ()):
        if rule in own:
            return rule
        if rule.selector is None:
            for_all = rule
    return for_all
