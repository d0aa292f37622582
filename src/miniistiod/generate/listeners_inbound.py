"""A sidecar's scope → the listeners that lead to its workload.

All redirected connections come to virtualInbound, which has a filter chain for each way to use each port. A
Sidecar's ingress listeners replace the ports of the services; those that bind are listeners of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import Metadata, TrafficDirection, TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from miniistiod.api.istio.networking.sidecar_pb2 import CaptureMode
from miniistiod.generate.bindings import Bindings, address, balance, bindings, own_address
from miniistiod.generate.connection_managers import HttpSide, Variant, connection_manager
from miniistiod.generate.extension_filters import connection_filters
from miniistiod.generate.listener_filters import inbound_filters
from miniistiod.generate.listener_resource import ONE_AT_A_TIME, detection_timeout, listener_resource
from miniistiod.generate.network_filters import (
    NetworkTraits,
    TcpChain,
    exchange_filters,
    network_filters,
    stats_filters,
    tcp_proxy_filter,
)
from miniistiod.generate.routes_inbound import inbound_route_configuration
from miniistiod.generate.sides import http_side, network_traits
from miniistiod.generate.stat_names import inbound_stat_name
from miniistiod.mesh.inbound_modes import InboundModes, Policies, inbound_modes
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.proxy.facts import fact
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.peer_authentication.chain_match import ChainMatch, chain_matches
from miniistiod.translate.peer_authentication.mutual_tls import mutual_tls
from miniistiod.vocab import cluster_name, protocol, sds
from miniistiod.vocab.config_metadata import config_metadata
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import packed
from miniistiod.vocab.protocol import Protocol
from miniistiod.xds.resource import Part, Resource

NAME = "virtualInbound"
PASSTHROUGH = "InboundPassthroughCluster"
_INBOUND = ListenerClass.SIDECAR_INBOUND


@dataclass(frozen=True, slots=True)
class Secrets:
    """The names of the workload's own certificate and of the mesh's roots."""

    certificate: str = sds.WORKLOAD
    roots: str = sds.ROOT


@dataclass(frozen=True, slots=True)
class InboundSide:
    """What all inbound chains of a workload have in common. A value of things that are kept."""

    http: HttpSide
    network: NetworkTraits
    modes: InboundModes
    settings: MeshSettings
    bindings: Bindings
    address: str
    secrets: Secrets


@dataclass(frozen=True, slots=True)
class Entrance:
    """One port of the workload. `port` is the service's own; `target` 0 stands for all others."""

    port: int
    port_name: str
    protocol: Protocol
    target: int
    bind: str
    service: Service | None = None
    sidecar: Sidecar | None = None
    opens: bool = False

    @property
    def passthrough(self) -> bool:
        """It is for a port that nobody described."""
        return self.service is None and self.sidecar is None

    @property
    def cluster(self) -> str:
        """Where it leads."""
        return PASSTHROUGH if self.passthrough else cluster_name.inbound(self.target)

    @property
    def name(self) -> str:
        """Its address and port."""
        return f"{self.bind}_{self.target}"

    @property
    def host(self) -> str:
        """Whom metrics and spans name; a Sidecar's port has no service, so it is named after the Sidecar."""
        if self.sidecar is not None:
            return f"{self.sidecar.name}.{self.sidecar.namespace}"
        return self.service.hostname if self.service is not None else ""


@fact
def listeners_inbound(scope: ProxyScope) -> Part:
    """The inbound listeners of one sidecar."""
    proxy = scope.proxy
    bound = bindings(proxy, scope.settings)
    side = InboundSide(
        http=http_side(scope, _INBOUND),
        network=network_traits(scope, _INBOUND),
        modes=inbound_modes(scope.peer_authentications, scope.settings.root_namespace),
        settings=scope.settings,
        bindings=bound,
        address=own_address(proxy.addresses, bound.wildcard),
        secrets=Secrets(
            sds.certificate_file(
                str(proxy.metadata.get("TLS_SERVER_CERT_CHAIN") or ""),
                str(proxy.metadata.get("TLS_SERVER_KEY") or ""),
            )
            or sds.WORKLOAD,
            sds.root_file(str(proxy.metadata.get("TLS_SERVER_ROOT_CERT") or "")) or sds.ROOT,
        ),
    )
    return _inbound(side, scope.targets, scope.sidecar, scope.peer_authentications)


@kept
def _inbound(
    side: InboundSide, targets: tuple[ServiceTarget, ...], sidecar: Sidecar | None, policies: Policies
) -> Part:
    described = entrances(side.bindings, side.address, targets, sidecar)
    found = [_own_listener(side, e, policies) for e in described if e.opens]
    if side.bindings.captured:
        chains = tuple(e for e in described if not e.opens)
        handled = _handled_ports(targets, sidecar)
        found.append(_virtual_listener(side, chains, handled, policies))
    return {resource.name: resource for resource in found}


def entrances(
    bound: Bindings, own: str, targets: tuple[ServiceTarget, ...], sidecar: Sidecar | None
) -> list[Entrance]:
    """The described ports, in ascending order. Of two claims on one port the first counts."""
    if sidecar is not None and sidecar.message.ingress:
        claims = _ingress(bound, own, sidecar)
    else:
        claims = _served(bound, targets)
    found: dict[int, Entrance] = {}
    for entrance in claims:
        found.setdefault(entrance.target, entrance)
    return [found[port] for port in sorted(found)]


def _served(bound: Bindings, targets: Iterable[ServiceTarget]) -> Iterator[Entrance]:
    """The ports of services; none without redirection, for then they would take the workload's own."""
    for target in targets:
        port = target.port
        if bound.captured and bound.free(target.target_port, bound.wildcard, port.protocol, binds=False):
            yield Entrance(
                port.number, port.name, port.protocol, target.target_port, bound.wildcard, target.service
            )


def _ingress(bound: Bindings, own: str, sidecar: Sidecar) -> Iterator[Entrance]:
    """The ports that the Sidecar names."""
    values = {"NONE": True, "IPTABLES": False}
    for listener in sidecar.message.ingress:
        port = listener.port
        spoken = protocol.parsed(port.protocol)
        mode = capture_mode(listener.capture_mode)
        opens = values.get(mode, not bound.captured)
        if bound.free(port.number, listener.bind, spoken, binds=opens, virtual=False):
            bind = listener.bind or own
            yield Entrance(port.number, port.name, spoken, port.number, bind, None, sidecar, opens)


def capture_mode(value: int) -> str:
    """The name of a Sidecar's captureMode."""
    return str(CaptureMode.Name(value))


def _handled_ports(targets: Iterable[ServiceTarget], sidecar: Sidecar | None) -> frozenset[int]:
    """Ports with chains of their own: what portLevelMtls says of others needs extra chains."""
    if sidecar is not None and sidecar.message.ingress:
        return frozenset(listener.port.number for listener in sidecar.message.ingress)
    return frozenset(target.target_port for target in targets)


def _virtual_listener(
    side: InboundSide, described: tuple[Entrance, ...], handled: frozenset[int], policies: Policies
) -> Resource:
    bound, settings = side.bindings, side.settings
    undescribed = [0, *(port for port, _ in side.modes.ports if port not in handled)]
    rest = (Entrance(0, NAME, Protocol.AUTO, port, bound.wildcard) for port in undescribed)
    chains = [_black_hole(side)]
    for entrance in (*rest, *described):
        chains += _chains(side, entrance)
    port = settings.config.proxy_inbound_listen_port
    return _listener(side, NAME, bound.wildcard, port, chains, described, policies, opens=False)


def _own_listener(side: InboundSide, entrance: Entrance, policies: Policies) -> Resource:
    chains = _chains(side, entrance)
    return _listener(
        side, entrance.name, entrance.bind, entrance.target, chains, (entrance,), policies, opens=True
    )


def _listener(
    side: InboundSide,
    name: str,
    bind: str,
    port: int,
    chains: list[FilterChain],
    described: tuple[Entrance, ...],
    policies: Policies,
    *,
    opens: bool,
) -> Resource:
    bound = side.bindings
    transparent = bound.transparent and not opens
    made = Listener(
        name=name,
        address=address(bind, port),
        traffic_direction=TrafficDirection.INBOUND,
        continue_on_listener_filters_timeout=True,
        max_connections_to_accept_per_socket_event=ONE_AT_A_TIME,
        connection_balance_config=balance(bound.balance_inbound),
        transparent=BoolValue(value=True) if transparent else None,
        access_log=side.http.common.observation.listener_logs,
        filter_chains=chains,
        listener_filters=inbound_filters(chains, captured=not opens, transparent=bound.transparent),
        listener_filters_timeout=detection_timeout(side.settings),
    )
    origins = [e.service.origin if e.service is not None else e.sidecar for e in described]
    return listener_resource(made, (), (*dict.fromkeys(o for o in origins if o is not None), *policies))


def _chains(side: InboundSide, entrance: Entrance) -> list[FilterChain]:
    """The chains of one port, for the mode that is in force there."""
    mode = side.modes.of(entrance.target)
    return [_chain(side, entrance, match) for match in chain_matches(entrance.protocol, mode)]


def _chain(side: InboundSide, entrance: Entrance, match: ChainMatch) -> FilterChain:
    filters = _http_filters(side, entrance) if match.http else _tcp_filters(side, entrance)
    return FilterChain(
        name=_chain_name(entrance, match),
        filter_chain_match=FilterChainMatch(
            destination_port=UInt32Value(value=entrance.target) if entrance.target else None,
            transport_protocol=match.transport,
            application_protocols=match.alpn,
        ),
        filters=filters,
        transport_socket=_tls(side.settings, side.secrets, match.http) if match.terminates else None,
        metadata=_metadata(entrance),
    )


def _chain_name(entrance: Entrance, match: ChainMatch) -> str:
    if not entrance.passthrough:
        return entrance.name
    return f"{NAME}-catchall-http" if match.http else NAME


def _http_filters(side: InboundSide, entrance: Entrance) -> list[Filter]:
    stat_prefix = PASSTHROUGH if entrance.passthrough else f"inbound_{entrance.name}"
    config = side.settings.config
    named = config.HasField("default_inbound_http_retry_policy")
    retries = config.default_inbound_http_retry_policy if named else None
    routes = inbound_route_configuration(
        entrance.cluster, entrance.host, entrance.port, entrance.protocol, retries
    )
    variant = Variant(
        http2=entrance.protocol.is_http2,
        grpc_web=entrance.protocol is Protocol.GRPC_WEB,
        port=entrance.target,
    )
    return [
        *exchange_filters(side.network.extensions),
        *connection_filters(side.network.added, side.network.side, entrance.target),
        connection_manager(side.http, variant, f"{stat_prefix};", routes),
    ]


def _tcp_filters(side: InboundSide, entrance: Entrance) -> list[Filter]:
    stat_prefix = entrance.cluster
    pattern = side.settings.config.inbound_cluster_stat_name
    if pattern:
        stat_prefix = inbound_stat_name(
            pattern, entrance.service, entrance.host, entrance.port, entrance.port_name
        )
    proxy = TcpProxy(stat_prefix=stat_prefix, cluster=entrance.cluster)
    return network_filters(
        TcpChain(side.network, proxy, entrance.protocol, exchange=True, port=entrance.port)
    )


def _black_hole(side: InboundSide) -> FilterChain:
    """Connections to the listener's own port would come back for ever."""
    proxy = TcpProxy(stat_prefix=cluster_name.BLACK_HOLE, cluster=cluster_name.BLACK_HOLE)
    return FilterChain(
        name=f"{NAME}-blackhole",
        filter_chain_match=FilterChainMatch(
            destination_port=UInt32Value(value=side.settings.config.proxy_inbound_listen_port)
        ),
        filters=[
            *exchange_filters(side.network.extensions),
            *stats_filters(side.network),
            tcp_proxy_filter(proxy),
        ],
    )


@kept
def _tls(settings: MeshSettings, secrets: Secrets, http: bool) -> TransportSocket:
    """The same socket for all workloads of the mesh."""
    context = mutual_tls(
        settings.config.mesh_mTLS,
        _trust_domains(settings),
        http=http,
        certificate=secrets.certificate,
        roots=secrets.roots,
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=packed(context))


def _trust_domains(settings: MeshSettings) -> tuple[str, ...]:
    """The mesh's own, its aliases, and those of further certificate authorities."""
    further = (domain for ca in settings.config.ca_certificates for domain in ca.trust_domains)
    return tuple(dict.fromkeys((*settings.trust_domains, *further)))


def _metadata(entrance: Entrance) -> Metadata | None:
    if entrance.sidecar is None:
        return None
    sidecar = entrance.sidecar
    return config_metadata("networking.istio.io", "v1", "Sidecar", sidecar.namespace, sidecar.name)
