"""The filter chains of an outbound port, as values: when each is taken and where it leads.

From a service and the tcp and tls rules for it come chains. What Envoy can match (SNI, destination address)
is left to it; everything else (labels, gateways, port) is decided here for the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.listener.v3.listener_components_pb2 import FilterChainMatch
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.virtual_service_pb2 import TCPRoute
from miniistiod.generate.cluster_discovery import is_dynamic
from miniistiod.generate.route_domains import other_names
from miniistiod.generate.tcp_targets import TcpClient, TcpTarget, routed_target, service_target
from miniistiod.mesh.hosts import overlap
from miniistiod.mesh.service import UNSPECIFIED, Registry, Service
from miniistiod.mesh.virtual_services import MESH, MergedVirtualService
from miniistiod.translate.virtual_service.tcp_route import applies
from miniistiod.vocab.protocol import Protocol

ANY = "*"


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain: HTTP with this route table, or TCP with this target. A value.

    `source` is the VirtualService that its metadata names. `dynamic` is the wildcard service whose hosts are
    resolved for each connection. `spoken` is the protocol of the port.
    """

    routes: str = ""
    target: TcpTarget | None = None
    sni: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    transport: str = ""
    source: MergedVirtualService | None = None
    dynamic: Service | None = None
    spoken: Protocol = Protocol.TCP

    @property
    def matches_all(self) -> bool:
        """It takes every connection that no other chain takes."""
        open_sni = not self.sni or ANY in self.sni
        return open_sni and not (self.alpn or self.transport or self.cidrs)

    def conflicts(self, other: Chain) -> bool:
        """Envoy could not tell the two apart."""
        return (
            (self.transport, self.alpn) == (other.transport, other.alpn)
            and set(self.sni) - {ANY} == set(other.sni) - {ANY}
            and _networks(self.cidrs) == _networks(other.cidrs)
        )


@dataclass(frozen=True, slots=True)
class Place:
    """The port that is listened on, and the address; `cidrs` when the service has a range of addresses."""

    port: int
    protocol: Protocol
    bind: str
    name: str = ""
    cidrs: tuple[str, ...] = ()


def tcp_chains(
    client: TcpClient, service: Service, place: Place, rules: Iterable[MergedVirtualService]
) -> list[Chain]:
    """The TCP chains of one service at one place."""
    named = [r for r in rules if any(_covers(host, service.hostname) for host in r.message.hosts)]
    if place.protocol.is_tls:
        routed = list(_tls_routed(client, place, named))
        return routed or [_tls_default(client, service, place)]
    routed, complete = _tcp_routed(client, place, named)
    return routed if complete else [*routed, _default(client, service, place)]


def _tls_routed(client: TcpClient, place: Place, rules: Iterable[MergedVirtualService]) -> Iterator[Chain]:
    """One chain for each set of SNI hosts and subnets; of two equal ones the first counts."""
    seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    cidrs = place.cidrs
    for rule in rules:
        pairs = [(tls, match) for tls in rule.message.tls if tls.route for match in tls.match]
        for route, match in pairs:
            if not applies(match, place.port, (MESH,), dict(client.labels), client.view.namespace):
                continue
            if match.destination_subnets and place.port:
                cidrs = tuple(match.destination_subnets)  # stays so for what follows, as in istiod
            key = (tuple(match.sni_hosts), tuple(match.destination_subnets))
            if key not in seen:
                seen.add(key)
                target = routed_target(client, route.route, place.port, place.name, rule)
                yield Chain(target=target, sni=key[0], cidrs=cidrs, source=rule, spoken=place.protocol)


def _tcp_routed(
    client: TcpClient, place: Place, rules: Iterable[MergedVirtualService]
) -> tuple[list[Chain], bool]:
    """The chains of tcp rules, and whether they leave nothing to the service itself."""
    found: list[Chain] = []
    complete = False
    for rule in rules:
        for route in (route for route in rule.message.tcp if route.route):
            subnets = _subnets(client, place, route)
            if subnets is None:
                continue
            target = routed_target(client, route.route, place.port, place.name, rule)
            if not subnets:
                found.append(Chain(target=target, cidrs=place.cidrs, source=rule, spoken=place.protocol))
                return found, True
            found.append(Chain(target=target, cidrs=subnets, spoken=place.protocol))
            complete = complete or sorted(subnets) == sorted(place.cidrs)
    return found, complete


def _subnets(client: TcpClient, place: Place, route: TCPRoute) -> tuple[str, ...] | None:
    """The subnets a rule is for; () for all addresses, None when it is not for this client."""
    found: list[str] = []
    for match in route.match:
        if applies(match, place.port, (MESH,), dict(client.labels), client.view.namespace):
            if not match.destination_subnets or not place.port:
                return ()
            found += match.destination_subnets
    if not route.match:
        return ()
    return tuple(found) or None


def _tls_default(client: TcpClient, service: Service, place: Place) -> Chain:
    """The service itself; where its address does not tell it from others, the SNI has to."""
    chain = _default(client, service, place)
    address = listen_address(client, service)
    ranged = "/" in address
    shared = address == place.bind == wildcard(client)
    if not (place.cidrs or ranged or shared or is_dynamic(service)):
        return chain
    names = [service.hostname]
    for _, alias in service.aliases:
        names += [alias, *other_names(alias, 0, client.dns_domain)]
    return replace(chain, sni=tuple(names))


def listen_address(client: TcpClient, service: Service) -> str:
    """Where a client's connections to a service arrive. A ServiceEntry without one is on all addresses."""
    address = client.addresses(service)[0]
    if service.registry is Registry.EXTERNAL and not client.ipv4 and address == UNSPECIFIED:
        return "::"
    return address


def wildcard(client: TcpClient) -> str:
    """All addresses of the client's main family."""
    return UNSPECIFIED if client.ipv4 else "::"


def _default(client: TcpClient, service: Service, place: Place) -> Chain:
    """The service's cluster: of its only port, or of the port that is listened on."""
    port = service.ports[0].number if len(service.ports) == 1 else place.port
    dynamic = service if is_dynamic(service) else None
    target = service_target(client, service, port)
    return Chain(target=target, cidrs=place.cidrs, dynamic=dynamic, spoken=place.protocol)


def _covers(host: str, hostname: str) -> bool:
    return overlap(host, hostname)


def chain_match(chain: Chain) -> FilterChainMatch | None:
    """The match; None for a chain that takes everything."""
    if chain.matches_all:
        return None
    return FilterChainMatch(
        application_protocols=chain.alpn,
        transport_protocol=chain.transport,
        server_names=() if ANY in chain.sni else sorted(chain.sni),
        prefix_ranges=[r for r in map(cidr_range, sorted(chain.cidrs)) if r is not None],
    )


def cidr_range(text: str) -> CidrRange | None:
    """A range or a single address; None for one that stands for all addresses, or is none."""
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        return None
    if str(interface.ip) == UNSPECIFIED:
        return None
    return CidrRange(
        address_prefix=str(interface.ip), prefix_len=UInt32Value(value=interface.network.prefixlen)
    )


def _networks(cidrs: Iterable[str]) -> frozenset[str]:
    ranges = (ipaddress.ip_interface(text) for text in cidrs if cidr_range(text) is not None)
    return frozenset(str(interface.network) for interface in ranges)
