"""The servers of all Gateways that select one router, merged into listeners: who may share a port, who is
dropped.

Older Gateways first. Plain HTTP servers share a port; TLS servers share one if no SNI host is claimed twice
for the same bind; a different protocol on a used port is dropped. Ports are target ports of the router's
own Service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from miniistiod.api.istio.networking import gateway_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import selected
from miniistiod.mesh.virtual_services import MergedVirtualService, VirtualServiceIndex
from miniistiod.proxy.gateway_servers import MANAGED, SERVICE, GatewayServer, own_targets, servers
from miniistiod.proxy.inbound import Targets
from miniistiod.vocab.protocol import Protocol, parsed

Gateways = tuple[Object[gateway_pb2.Gateway], ...]


class ServerPort(NamedTuple):
    """What one listener is for: target port, protocol as written, bind address ("" for all)."""

    number: int
    protocol: str
    bind: str


@dataclass(frozen=True, slots=True, eq=False)
class MergedServers:
    """The servers of one listener; `route_name` is that of plain HTTP servers."""

    servers: tuple[GatewayServer, ...]
    route_name: str


@dataclass(frozen=True, slots=True, eq=False)
class MergedGateway:
    """All that a router listens on; `by_port` is in the order of first appearance.

    `virtual_services` are those of each gateway name that a proxy of this namespace may see.
    `service_ports` gives for a port of a route name the ports that servers name. `credentials` are the
    names under which certificates of its own namespace may be asked for. `refused` are servers that lost,
    and to what.
    """

    by_port: Mapping[ServerPort, MergedServers]
    by_route_name: Mapping[str, tuple[GatewayServer, ...]]
    virtual_services: Mapping[str, tuple[MergedVirtualService, ...]]
    service_ports: Mapping[int, frozenset[int]] = field(default_factory=dict)
    auto_passthrough: bool = False
    credentials: frozenset[str] = frozenset()
    refused: tuple[tuple[GatewayServer, str], ...] = ()

    @property
    def gateway_names(self) -> tuple[str, ...]:
        """NAMESPACE/NAME of all gateways with a server in force."""
        names = (server.gateway_name for merged in self.by_port.values() for server in merged.servers)
        return tuple(dict.fromkeys(names))


NO_GATEWAY = MergedGateway({}, {}, {})
"""A router that no Gateway selects."""


def selecting(gateways: Gateways, labels: Mapping[str, str]) -> Gateways:
    """The Gateways that select a router, oldest first. One made for a Service finds its routers by it."""
    return tuple(g for g in gateways if SERVICE in g.annotations or selected(g.message.selector, labels))


@kept
def merged_gateway(
    gateways: Gateways, targets: Targets, virtual_services: VirtualServiceIndex, namespace: str
) -> MergedGateway:
    """What a router listens on that these Gateways select, whose workload serves these targets."""
    merging = Merging()
    owners = owning_namespaces(gateways, targets)
    for gateway in gateways:
        stranger = bool(owners) and SERVICE not in gateway.annotations and gateway.namespace not in owners
        for server in servers(gateway, targets):
            if stranger:
                merging.refuse(server, "the router belongs to a Gateway of the Gateway API elsewhere")
            else:
                merging.place(server)
    return merging.result(virtual_services, namespace)


def owning_namespaces(gateways: Gateways, targets: Targets) -> frozenset[str]:
    """The namespaces of the Gateways of the Gateway API whose own router this is. Where there are any,
    Istio's Gateways of other namespaces do not count: they would use the certificates found there.
    """
    managed = (g for g in gateways if MANAGED in g.annotations and own_targets(g, targets))
    return frozenset(gateway.namespace for gateway in managed)


class Merging:
    """The listeners of one router while servers are placed on them, one after the other."""

    def __init__(self) -> None:
        self.merged: dict[ServerPort, tuple[list[GatewayServer], str]] = {}
        self.by_route_name: dict[str, list[GatewayServer]] = {}
        self.ports: set[int] = set()
        self.plain: dict[int, ServerPort] = {}
        self.tls_hosts: dict[tuple[int, str], str] = {}
        self.tls_binds: set[tuple[int, str]] = set()
        self.refused: list[tuple[GatewayServer, str]] = []

    def place(self, server: GatewayServer) -> None:
        """Put a server on its port, beside those that are there already, or refuse it."""
        if server.spec.HasField("tls") and not self.claim(server):
            return
        key = ServerPort(server.port, server.spec.port.protocol, server.spec.bind)
        if server.port in self.plain:
            self.beside_plain(server, key)
        elif server.port in self.ports and server.is_tls:
            self.beside_tls(server, key)
        else:
            self.open(server, key)
        self.ports.add(server.port)

    def claim(self, server: GatewayServer) -> bool:
        """Claim the hosts of a TLS server; a host that another has on this port and bind refuses it whole."""
        claims = [(server.port, host) for host in server.hosts]
        if any(self.tls_hosts.get(claim) == server.spec.bind for claim in claims):
            return self.refuse(server, "another server has one of its hosts on this port")
        self.tls_hosts.update(dict.fromkeys(claims, server.spec.bind))
        return True

    def refuse(self, server: GatewayServer, reason: str) -> bool:
        """Leave the server out and remember why."""
        self.refused.append((server, reason))
        return False

    def open(self, server: GatewayServer, key: ServerPort) -> None:
        """Begin a listener with this server."""
        if not server.is_tls:
            self.plain[server.port] = key
        if server.is_http:
            self.by_route_name[server.route_name] = [server]
        self.merged[key] = ([server], server.route_name)

    def join(self, server: GatewayServer, key: ServerPort, route_name: str) -> None:
        """Add the server to a listener."""
        self.merged[key][0].append(server)
        self.merged[key] = (self.merged[key][0], route_name)
        self.by_route_name.setdefault(server.route_name, []).append(server)

    def beside_plain(self, server: GatewayServer, key: ServerPort) -> None:
        """Beside a server without TLS: another bind is another listener, on the same bind only HTTP can
        join.
        """
        current = self.plain[server.port]
        if current.bind != key.bind:
            if key in self.merged:
                self.join(server, key, server.route_name)
            else:
                self.open(server, key)
        elif not server.route_name or not mergeable(parsed(key.protocol), parsed(current.protocol)):
            self.refuse(server, f"the port is used for {current.protocol}")
        else:
            self.join(server, current, self.merged[current][1])

    def beside_tls(self, server: GatewayServer, key: ServerPort) -> None:
        """Beside a TLS server, told apart by SNI: routes need a name of their own."""
        if server.is_http:
            if not server.route_name or server.route_name in self.by_route_name:
                self.refuse(server, "another server has the same port name")
                return
            self.by_route_name[server.route_name] = [server]
        used = (server.port, key.bind) in self.tls_binds
        self.tls_binds.add((server.port, key.bind))
        if used and not server.spec.HasField("tls"):
            self.refuse(server, "it has no TLS settings on a port with TLS")
        elif key in self.merged:
            self.merged[key][0].append(server)
        else:
            self.merged[key] = ([server], "")

    def result(self, virtual_services: VirtualServiceIndex, namespace: str) -> MergedGateway:
        """All listeners, with what a router of this namespace may see for them."""
        everything = [server for placed, _ in self.merged.values() for server in placed]
        passing = [server for server in everything if server.auto_passthrough]
        names = dict.fromkeys(server.gateway_name for server in everything)
        return MergedGateway(
            by_port={key: MergedServers(tuple(placed), name) for key, (placed, name) in self.merged.items()},
            by_route_name={name: tuple(each) for name, each in self.by_route_name.items()},
            virtual_services={name: virtual_services.at(namespace, name) for name in names},
            service_ports=service_ports(self.by_route_name),
            auto_passthrough=bool(passing),
            credentials=frozenset(
                name
                for server in everything
                if server.gateway.namespace == namespace
                for name in server.credentials
            ),
            refused=tuple(self.refused),
        )


def mergeable(protocol: Protocol, current: Protocol) -> bool:
    """Whether a server can join one without TLS: both must be plain HTTP of some version."""
    return current.is_http and (protocol.is_http or protocol is current)


def service_ports(by_route_name: Mapping[str, list[GatewayServer]]) -> Mapping[int, frozenset[int]]:
    """For the port that a route name has in it, the ports that its servers name."""
    found: dict[int, frozenset[int]] = {}
    for name, placed in by_route_name.items():
        port = port_in(name)
        found[port] = found.get(port, frozenset()) | {server.spec.port.number for server in placed}
    return found


def port_in(route_name: str) -> int:
    """http.PORT or https.PORT.NAME.GATEWAY.NAMESPACE → PORT; 0 for other names, as with a bind address."""
    kind, _, rest = route_name.partition(".")
    if kind == "https" and route_name.count(".") == 4:
        rest = rest.partition(".")[0]
    return int(rest) if rest.isdecimal() else 0
