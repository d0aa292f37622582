"""Servers of Gateways that pass connections on: without a rule nobody listens, of two rules one counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.gateway_pb2 import Gateway
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.generate.gateway_chains import bound, is_for
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.gateway_servers import GatewayServer, servers
from miniistiod.vocab.protocol import Protocol

Claims = dict[tuple[int, str, str], "Place"]
"""(port, bind, SNI) → who has it."""


class Place(NamedTuple):
    """A part of a rule that is for a server: its path, and the SNI hosts it wants."""

    rule: MergedVirtualService
    path: str
    hosts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As a user finds it."""
        return f"VirtualService {self.rule.namespace}/{self.rule.name} ({self.path})"


def analyser(world: World) -> Iterator[Diagnostic]:
    """All three, of Istio's own Gateways."""
    for gateway in world.store.of(Gateway):
        rules = world.mesh.virtual_services.at(gateway.namespace, f"{gateway.namespace}/{gateway.name}")
        claimed: Claims = {}
        for index, server in enumerate(servers(gateway, ())):
            own = tuple(bound(server, rules))
            if server.auto_passthrough or server.is_http:
                continue
            if server.is_passthrough:
                places = [place for rule in own for place in tls_matches(rule, server)]
                yield from twice(server, places, claimed)
                field = "tls"
            else:
                places = [place for rule in own for place in tcp_routes(rule, server)]
                yield from idle(server, places)
                field = "tcp"
            if not places:
                yield without_rule(gateway, f"spec.servers[{index}]", server, field)


def tls_matches(rule: MergedVirtualService, server: GatewayServer) -> Iterator[Place]:
    """The matches of its tls rules that are for the server."""
    for index, route in enumerate(rule.message.tls):
        for number, match in enumerate(route.match if route.route else ()):
            if is_for(match, server):
                path = f"spec.tls[{index}].match[{number}].sniHosts"
                yield Place(rule, path, tuple(match.sni_hosts))


def tcp_routes(rule: MergedVirtualService, server: GatewayServer) -> Iterator[Place]:
    """Its tcp rules that are for the server."""
    for index, route in enumerate(rule.message.tcp):
        if route.route and (not route.match or any(is_for(match, server) for match in route.match)):
            yield Place(rule, f"spec.tcp[{index}]")


def without_rule(gateway: Object[Gateway], path: str, server: GatewayServer, field: str) -> Diagnostic:
    """No VirtualService says where the connections go."""
    number, hosts = server.spec.port.number, ", ".join(server.spec.hosts)
    what = "TLS" if server.protocol in (Protocol.TLS, Protocol.HTTPS) else "TCP"
    return message(
        WARNING,
        "server-without-rule",
        gateway,
        path,
        f"no VirtualService of this Gateway has a {field} rule for port {number} and {hosts}",
        f"nobody takes these {what} connections: they are refused, or reset",
        f"write a VirtualService with gateways: [{gateway.namespace}/{gateway.name}] and {field}",
    )


def idle(server: GatewayServer, places: list[Place]) -> Iterator[Diagnostic]:
    """Further tcp rules for a port: connections have no host by which to choose."""
    for place in places[1:]:
        yield message(
            WARNING,
            "idle-tcp-rule",
            place.rule.origin,
            place.path,
            f"{places[0].name} takes port {server.spec.port.number} of {server.gateway_name} already",
            "only the first tcp rule of a gateway's port counts: this one gets no connection",
            "give the server another port, or take one of the rules out",
        )


def twice(server: GatewayServer, places: list[Place], claimed: Claims) -> Iterator[Diagnostic]:
    """Matches with an SNI that an earlier match has: Envoy refuses two of them, so the later is left out."""
    number, bind = server.spec.port.number, server.spec.bind
    for place in places:
        taken = next((host for host in place.hosts if (number, bind, host) in claimed), None)
        if taken is None:
            claimed.update({(number, bind, host): place for host in place.hosts})
            continue
        yield message(
            WARNING,
            "repeated-sni",
            place.rule.origin,
            place.path,
            f"{claimed[number, bind, taken].name} has the SNI {taken} on port {number} already",
            "this match is left out with all its hosts: their connections are reset, or take the other rule",
            "name each SNI in one match only",
        )
