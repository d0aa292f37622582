"""A router's scope → its listeners: one for each port and address that its Gateways name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from envoy.config.core.v3.base_pb2 import TrafficDirection, TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import Listener

from miniistiod.generate.bindings import Bindings, address, balance, bindings
from miniistiod.generate.connection_managers import (
    HttpSide,
    Variant,
    connection_manager,
    effective_settings,
)
from miniistiod.generate.extension_filters import connection_filters
from miniistiod.generate.gateway_chains import GatewayChain, SniClaims, port_chains
from miniistiod.generate.listener_filters import PROXY_PROTOCOL, TLS_INSPECTOR
from miniistiod.generate.listener_resource import HANDSHAKE_TIMEOUT, ONE_AT_A_TIME, listener_resource
from miniistiod.generate.network_filters import NetworkTraits, TcpChain, network_filters
from miniistiod.generate.outbound_chains import ANY
from miniistiod.generate.sides import http_side, network_traits
from miniistiod.generate.tcp_targets import TcpClient, tcp_client, tcp_proxy
from miniistiod.mesh.collectors import Collectors, collectors
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.facts import fact
from miniistiod.proxy.gateway_servers import GatewayServer
from miniistiod.proxy.gateways import MergedGateway
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.gateway.server_tls_settings import SecretSources, server_tls
from miniistiod.translate.mesh_config.connection_settings import unsigned
from miniistiod.vocab import protocol, sds
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import packed
from miniistiod.vocab.protocol import Protocol
from miniistiod.xds.resource import Part, Resource

_GATEWAY = ListenerClass.GATEWAY


@dataclass(frozen=True, slots=True)
class GatewaySide:
    """What all listeners of a router have in common. A value of things that are kept."""

    http: HttpSide
    network: NetworkTraits
    client: TcpClient
    bindings: Bindings
    sources: SecretSources

    @property
    def settings(self) -> MeshSettings:
        """The settings of the mesh."""
        return self.client.settings


@dataclass(frozen=True, slots=True)
class Place:
    """Where one listener is."""

    bind: str
    port: int

    @property
    def name(self) -> str:
        """The listener's name."""
        return f"{self.bind}_{self.port}"


@fact
def listeners_gateway(scope: ProxyScope) -> Part:
    """The listeners of one router."""
    side = GatewaySide(
        http=http_side(scope, _GATEWAY),
        network=network_traits(scope, _GATEWAY),
        client=tcp_client(scope),
        bindings=bindings(scope.proxy, scope.settings),
        sources=_sources(scope.proxy, scope.settings, collectors(scope.settings, scope.mesh.services)),
    )
    return _gateway(side, scope.gateway)


@kept
def _gateway(side: GatewaySide, gateway: MergedGateway) -> Part:
    claims = SniClaims()
    found: dict[Place, list[GatewayChain]] = {}
    servers: dict[Place, list[GatewayServer]] = {}
    for port, merged in gateway.by_port.items():
        if side.bindings.unprivileged and port.number < 1024:
            continue  # it could not be opened
        place = Place(port.bind or side.bindings.wildcard, port.number)
        found.setdefault(place, []).extend(port_chains(side.client, gateway, port, merged, claims))
        servers.setdefault(place, []).extend(merged.servers)
    made = (
        _listener(side, place, tuple(chains), servers[place]) for place, chains in found.items() if chains
    )
    return {resource.name: resource for resource in made}


def _listener(
    side: GatewaySide, place: Place, chains: tuple[GatewayChain, ...], servers: list[GatewayServer]
) -> Resource:
    """One listener. A port whose servers have no chain has none: Envoy would refuse it."""
    limits = effective_settings(side.http.common.proxy_config, side.settings, gateway=True)
    limited = limits.HasField("listener_per_connection_buffer_limit_bytes")
    made = Listener(
        name=place.name,
        address=address(place.bind, place.port),
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=_listener_filters(side, chains),
        filter_chains=[_filter_chain(side, place, chain) for chain in chains],
        max_connections_to_accept_per_socket_event=ONE_AT_A_TIME,
        connection_balance_config=balance(side.bindings.balance_outbound),
        access_log=side.http.common.observation.listener_logs,
        per_connection_buffer_limit_bytes=unsigned(limits.listener_per_connection_buffer_limit_bytes)
        if limited
        else None,
    )
    routes = (chain.routes for chain in chains if chain.routes)
    return listener_resource(made, routes, dict.fromkeys(server.gateway for server in servers))


def _listener_filters(side: GatewaySide, chains: tuple[GatewayChain, ...]) -> list[ListenerFilter]:
    """The PROXY header comes before everything else that a client sends."""
    topology = side.http.common.proxy_config.message.gateway_topology
    proxied = [PROXY_PROTOCOL] if topology.HasField("proxy_protocol") else []
    return [*proxied, *([TLS_INSPECTOR] if any(c.sni or c.tls is not None for c in chains) else [])]


def _filter_chain(side: GatewaySide, place: Place, chain: GatewayChain) -> FilterChain:
    return FilterChain(
        filter_chain_match=_match(chain),
        filters=_filters(side, place, chain),
        transport_socket=_tls(side, chain.tls) if chain.tls is not None else None,
        transport_socket_connect_timeout=HANDSHAKE_TIMEOUT,
    )


def _match(chain: GatewayChain) -> FilterChainMatch | None:
    every_name = not chain.sni or ANY in chain.sni
    if every_name and not chain.alpn:
        return None
    return FilterChainMatch(
        server_names=() if every_name else sorted(chain.sni), application_protocols=chain.alpn
    )


def _filters(side: GatewaySide, place: Place, chain: GatewayChain) -> list[Filter]:
    if chain.target is None:
        variant = Variant(grpc_web=chain.spoken is Protocol.GRPC_WEB, port=place.port)
        stat_prefix = chain.stat_prefix or f"outbound_{place.name};"
        added = connection_filters(side.network.added, _GATEWAY, place.port) if chain.first else []
        return [*added, connection_manager(side.http, variant, stat_prefix, chain.routes)]
    network = side.network if chain.checked else _unchecked(side.network)
    return network_filters(
        TcpChain(network, tcp_proxy(chain.target), chain.spoken, exchange=chain.exchange, port=chain.port)
    )


def _unchecked(network: NetworkTraits) -> NetworkTraits:
    """The same without policies."""
    return replace(network, custom=(), local=())


def _tls(side: GatewaySide, server: GatewayServer) -> TransportSocket:
    spoken = protocol.parsed(server.spec.port.protocol)
    opaque = not spoken.is_http and spoken is not Protocol.HTTPS
    context = server_tls(server.spec.tls, side.settings.config.tls_defaults, side.sources, opaque=opaque)
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=packed(context))


def _sources(proxy: Proxy, settings: MeshSettings, found: Collectors) -> SecretSources:
    """Where this router finds secrets; of several SDS providers of the mesh the first counts."""
    metadata = proxy.metadata
    provider = next((p.name for p in settings.config.extension_providers if p.HasField("sds")), "")
    certificate = sds.certificate_file(
        str(metadata.get("TLS_SERVER_CERT_CHAIN") or ""), str(metadata.get("TLS_SERVER_KEY") or "")
    )
    return SecretSources(
        credential_socket=metadata.get("credential") == "true",
        file_socket=metadata.get("file-credential") == "true",
        server=found.of(provider) if provider else None,
        certificate=certificate or sds.WORKLOAD,
        roots=sds.root_file(str(metadata.get("TLS_SERVER_ROOT_CERT") or "")) or sds.ROOT,
    )
