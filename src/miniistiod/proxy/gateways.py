"""The servers of all Gateways that select one router, merged into listeners: who may share a port, who is dropped.

Older Gateways first. Plain HTTP servers share a port; TLS servers share one if no SNI host is claimed twice for
the same bind; a different protocol on a used port is dropped. Ports are target ports of the router's own Service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from miniistiod.api.istio.networking import gateway_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.proxy.node import Proxy


@dataclass(frozen=True, slots=True, eq=False)
class GatewayServer:
    """One server that takes effect on one port.

    `spec` is the server as written, `hosts` are its hosts with `./` and no namespace resolved to NAMESPACE/HOST
    or HOST (for any namespace: `*/`is left off). `port` is the number to listen on. `route_name` is "" for
    TCP and TLS passthrough. `sni_hosts` are set for TLS servers.
    """

    spec: gateway_pb2.Server
    gateway: Object[gateway_pb2.Gateway]
    hosts: tuple[str, ...]
    port: int
    route_name: str
    sni_hosts: tuple[str, ...] = ()

    @property
    def gateway_name(self) -> str:
        """NAMESPACE/NAME, as VirtualServices name it."""
        return f"{self.gateway.namespace}/{self.gateway.name}"


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
    `service_ports` gives for a target port the service ports that lead to it. `quic_ports` are like `by_port`.
    """

    by_port: Mapping[ServerPort, MergedServers]
    by_route_name: Mapping[str, tuple[GatewayServer, ...]]
    virtual_services: Mapping[str, tuple[MergedVirtualService, ...]]
    service_ports: Mapping[int, frozenset[int]] = field(default_factory=dict)
    auto_passthrough: bool = False
    auto_passthrough_sni_hosts: frozenset[str] = frozenset()
    credentials: frozenset[str] = frozenset()

    @property
    def gateway_names(self) -> tuple[str, ...]:
        """NAMESPACE/NAME of all gateways with a server in force."""
        names = (server.gateway_name for merged in self.by_port.values() for server in merged.servers)
        return tuple(dict.fromkeys(names))


NO_GATEWAY = MergedGateway({}, {}, {})
"""A router that no Gateway selects."""


def merged_gateway(proxy: Proxy, mesh: Mesh, targets: tuple[ServiceTarget, ...]) -> MergedGateway:
    """What a router listens on."""
    raise NotImplementedError
