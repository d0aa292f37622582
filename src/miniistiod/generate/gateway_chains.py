"""The servers of one gateway port → their filter chains as values: HTTP, TLS ended or passed on, TCP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from miniistiod.api.istio.networking.gateway_pb2 import ServerTLSSettings
from miniistiod.api.istio.networking.virtual_service_pb2 import (
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
)
from miniistiod.generate.stat_names import outbound_stat_name
from miniistiod.generate.tcp_targets import TcpClient, TcpTarget, routed_target
from miniistiod.mesh.hosts import overlap, subset_of
from miniistiod.mesh.service import Port, Service
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.gateway_servers import GatewayServer
from miniistiod.proxy.gateways import MergedGateway, MergedServers, ServerPort
from miniistiod.translate.peer_authentication.chain_match import MESH
from miniistiod.vocab import cluster_name, protocol
from miniistiod.vocab.protocol import Protocol

Mode = ServerTLSSettings.TLSmode
_PASSED_ON = (Mode.PASSTHROUGH, Mode.AUTO_PASSTHROUGH)


@dataclass(frozen=True, slots=True)
class GatewayChain:
    """One chain: HTTP with a route table, or TCP with a target. `tls` is the server whose TLS ends here.

    `stat_prefix` "" is made from the listener's name. `exchange`: peers tell each other who they are.
    `checked`: policies apply; what is only passed on by SNI is checked at its end. `first`: of the port's
    chains with HTTP, which has the filters of connections that users bring (istiod gives them to no other).
    `port` is the one by which extensions name a chain without HTTP.
    """

    routes: str = ""
    target: TcpTarget | None = None
    spoken: Protocol = Protocol.TCP
    sni: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    tls: GatewayServer | None = None
    stat_prefix: str = ""
    exchange: bool = False
    checked: bool = True
    first: bool = False
    port: int = 0


@dataclass(slots=True)
class SniClaims:
    """The SNI hosts already taken by rules, by port and bind: Envoy refuses two equal matches."""

    taken: dict[tuple[int, str], str] = field(default_factory=dict)

    def claim(self, port: int, bind: str, hosts: tuple[str, ...]) -> bool:
        """Take all of these hosts; False, and none is taken, if one of them is taken for this bind."""
        if any(self.taken.get((port, host)) == bind for host in hosts):
            return False
        self.taken.update({(port, host): bind for host in hosts})
        return True


def port_chains(
    client: TcpClient, gateway: MergedGateway, port: ServerPort, merged: MergedServers, claims: SniClaims
) -> Iterator[GatewayChain]:
    """The chains of one port, in the order of its servers."""
    spoken = protocol.parsed(port.protocol)
    if spoken.is_http:
        yield GatewayChain(routes=merged.route_name, spoken=spoken, first=True)
        return
    first = True
    for server in merged.servers:
        for chain in _server_chains(client, gateway, server, claims):
            http = chain.target is None
            yield replace(chain, first=True) if http and first else chain
            first = first and not http


def _server_chains(
    client: TcpClient, gateway: MergedGateway, server: GatewayServer, claims: SniClaims
) -> Iterator[GatewayChain]:
    spoken = protocol.parsed(server.spec.port.protocol)
    rules = gateway.virtual_services.get(server.gateway_name, ())
    if not server.spec.HasField("tls"):
        yield from _tcp(client, server, rules)
    elif server.spec.tls.mode == Mode.AUTO_PASSTHROUGH:
        yield from _by_cluster_name(client, server)
    elif server.spec.tls.mode in _PASSED_ON:
        yield from _by_sni(client, server, rules, claims)
    elif spoken is Protocol.HTTPS:
        yield GatewayChain(
            routes=server.route_name,
            spoken=spoken,
            sni=server.sni_hosts,
            tls=server,
            stat_prefix=server.spec.name,
        )
    else:
        yield from _tcp(client, server, rules)


def _tcp(
    client: TcpClient, server: GatewayServer, rules: tuple[MergedVirtualService, ...]
) -> Iterator[GatewayChain]:
    """The first tcp rule that is for this server; without one there is no chain."""
    tls = server if server.spec.HasField("tls") else None
    for rule in bound(server, rules):
        for route in rule.message.tcp:
            matches = [is_for(match, server) for match in route.match] or [True]
            if any(matches) and route.route:
                yield GatewayChain(
                    target=_target(client, list(route.route), server, rule),
                    spoken=protocol.parsed(server.spec.port.protocol),
                    sni=server.sni_hosts if tls is not None else (),
                    tls=tls,
                    exchange=tls is not None and tls.spec.tls.mode == Mode.ISTIO_MUTUAL,
                    port=server.spec.port.number,
                )
                return


def _by_sni(
    client: TcpClient, server: GatewayServer, rules: tuple[MergedVirtualService, ...], claims: SniClaims
) -> Iterator[GatewayChain]:
    """PASSTHROUGH: a chain for each match of a tls rule."""
    for rule in bound(server, rules):
        for route in (route for route in rule.message.tls if route.route):
            for match in (match for match in route.match if is_for(match, server)):
                hosts = tuple(match.sni_hosts)
                if claims.claim(server.port, server.spec.bind, hosts):
                    yield GatewayChain(
                        target=_target(client, list(route.route), server, rule),
                        spoken=protocol.parsed(server.spec.port.protocol),
                        sni=hosts,
                        port=server.spec.port.number,
                    )


def _by_cluster_name(client: TcpClient, server: GatewayServer) -> Iterator[GatewayChain]:
    """AUTO_PASSTHROUGH: a chain for each cluster of the mesh under the server's hosts, named in the SNI.

    Only a sidecar's handshake is let through, so that nothing can be reached without mutual TLS.
    """
    for service in client.view.upstreams.services:
        if service.mesh_external or not any(subset_of(service.hostname, host) for host in server.sni_hosts):
            continue
        rule = client.rule(service)
        subsets = [subset.name for subset in rule.message.subsets] if rule is not None else []
        for port in service.ports:
            if port.protocol is not Protocol.UDP:
                for subset in ("", *subsets):
                    yield _passed_on(client, service, port, subset)


def _passed_on(client: TcpClient, service: Service, port: Port, subset: str) -> GatewayChain:
    name = cluster_name.outbound_sni(service.hostname, port.number, subset)
    pattern = client.settings.config.outbound_cluster_stat_name
    prefix = outbound_stat_name(pattern, service, subset, port.number, port.name) if pattern else name
    return GatewayChain(
        target=TcpTarget(prefix, ((name, 0),), client.rule(service), subset, tunnelled=False),
        spoken=port.protocol,
        sni=(name,),
        alpn=MESH,
        checked=False,
        port=port.number,
    )


def _target(
    client: TcpClient, routes: list[RouteDestination], server: GatewayServer, rule: MergedVirtualService
) -> TcpTarget:
    return routed_target(client, routes, server.spec.port.number, server.spec.port.name, rule)


def bound(server: GatewayServer, rules: tuple[MergedVirtualService, ...]) -> Iterator[MergedVirtualService]:
    """The rules with a host of this server."""
    for rule in rules:
        if any(_admits(server_host, rule) for server_host in server.hosts):
            yield rule


def _admits(server_host: str, rule: MergedVirtualService) -> bool:
    namespace, slash, host = server_host.rpartition("/")
    if slash and namespace != rule.origin.namespace:
        return False
    return any(overlap(host, name) for name in rule.message.hosts)


def is_for(match: L4MatchAttributes | TLSMatchAttributes, server: GatewayServer) -> bool:
    right_port = match.port in (0, server.spec.port.number)
    return right_port and (not match.gateways or server.gateway_name in match.gateways)
