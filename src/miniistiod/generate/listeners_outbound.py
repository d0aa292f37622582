"""A sidecar's scope → the listeners of its way out: of services, virtualOutbound, and the HTTP proxy port.

Redirected connections come to virtualOutbound, which hands each to the listener of its original destination;
what no service claims goes where the outbound traffic policy says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from miniistiod.generate.bindings import Bindings, additional, address, balance, bindings
from miniistiod.generate.connection_managers import HttpSide, Variant, connection_manager
from miniistiod.generate.extension_filters import connection_filters
from miniistiod.generate.forward_proxies import dns_family, service_dns_cache, sni_proxy
from miniistiod.generate.listener_filters import HTTP_INSPECTOR, TLS_INSPECTOR
from miniistiod.generate.listener_resource import (
    HANDSHAKE_TIMEOUT,
    ONE_AT_A_TIME,
    detection_timeout,
    listener_resource,
)
from miniistiod.generate.network_filters import (
    NetworkTraits,
    TcpChain,
    network_filters,
    stats_filters,
    tcp_proxy_filter,
)
from miniistiod.generate.outbound_chains import Chain, chain_match
from miniistiod.generate.outbound_entries import Entries, Entry, headless_services, outbound_entries
from miniistiod.generate.route_configuration import (
    ALLOW_ANY_DYNAMIC_DNS,
    Fallback,
    fallback_virtual_host,
    route_configuration,
)
from miniistiod.generate.routes_sidecar import fallback
from miniistiod.generate.sides import http_side, network_traits
from miniistiod.generate.tcp_targets import tcp_client, tcp_proxy
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.mesh_config.proxy_headers import proxy_headers
from miniistiod.translate.peer_authentication.chain_match import PLAIN_HTTP
from miniistiod.vocab import cluster_name
from miniistiod.vocab.config_metadata import config_metadata
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.protocol import Protocol
from miniistiod.xds.resource import Part, Resource

NAME = "virtualOutbound"
HTTP_PROXY = "http_proxy"
"""The route table of the HTTP proxy port."""

_OUTBOUND = ListenerClass.SIDECAR_OUTBOUND


@dataclass(frozen=True, slots=True)
class TcpSide:
    """What all outbound listeners of a proxy have in common, but for HTTP. A value of things that are kept.

    `unclaimed` is the cluster of connections that no chain takes. `dns_family` is that of its lookups.
    """

    network: NetworkTraits
    settings: MeshSettings
    bindings: Bindings
    unclaimed: str
    dns_family: int


@fact
def listeners_outbound(scope: ProxyScope) -> tuple[Part, ...]:
    """The listeners of TCP, which are shared by proxies of one view; those of HTTP; and the proxy's own."""
    http = http_side(scope, _OUTBOUND)
    bound = bindings(scope.proxy, scope.settings)
    side = TcpSide(
        network=network_traits(scope, _OUTBOUND),
        settings=scope.settings,
        bindings=bound,
        unclaimed=_unclaimed(fallback(scope.outbound_traffic_policy)),
        dns_family=dns_family(bound),
    )
    entries = scope_entries(scope, bound)
    port = scope.proxy.http_proxy_port or scope.settings.config.proxy_http_port
    dynamic = fallback(scope.outbound_traffic_policy) == ALLOW_ANY_DYNAMIC_DNS
    return _tcp_part(entries, side), _http_part(entries, side, http), _own_part(side, http, port, dynamic)


def _unclaimed(policy: Fallback) -> str:
    """Where other connections go. Without a Host header a name cannot be resolved: they pass as they are."""
    return (
        cluster_name.PASSTHROUGH
        if policy == ALLOW_ANY_DYNAMIC_DNS
        else policy.cluster or cluster_name.BLACK_HOLE
    )


@fact
def scope_entries(scope: ProxyScope, bound: Bindings) -> Entries:
    """The outbound listeners of a proxy as values."""
    headless = tuple(
        (service, scope.endpoints(service)) for service in headless_services(tcp_client(scope).view)
    )
    own = scope.proxy.addresses[0]
    is_endpoint = any(own == (e.addresses or (e.address,))[0] for _, found in headless for e in found.all)
    return outbound_entries(tcp_client(scope), bound, headless, own if is_endpoint else "")


@kept
def _tcp_part(entries: Entries, side: TcpSide) -> Part:
    found = (tcp_listener(entry, side) for entry in entries.tcp)
    return {resource.name: resource for resource in found}


@kept
def _http_part(entries: Entries, side: TcpSide, http: HttpSide) -> Part:
    found = (http_listener(entry, side, http) for entry in entries.http)
    return {resource.name: resource for resource in found}


@kept
def tcp_listener(entry: Entry, side: TcpSide) -> Resource:
    """A listener without HTTP: nothing in it tells whose it is."""
    return _resource(entry, side, None)


@kept
def http_listener(entry: Entry, side: TcpSide, http: HttpSide) -> Resource:
    """A listener with HTTP, whose spans name the workload."""
    return _resource(entry, side, http)


def _resource(entry: Entry, side: TcpSide, http: HttpSide | None) -> Resource:
    made = _listener(entry, side, http)
    default = None
    for chain in entry.chains:
        built = _filter_chain(chain, entry, side, http)
        if chain.matches_all:
            default = built
        else:
            made.filter_chains.append(built)
    if default is None:
        made.default_filter_chain.CopyFrom(_unclaimed_chain(side))
    elif made.filter_chains:
        made.default_filter_chain.CopyFrom(default)
    else:
        made.filter_chains.append(default)
    routes = (chain.routes for chain in entry.chains if chain.routes)
    return listener_resource(made, routes, entry.origins)


def _listener(entry: Entry, side: TcpSide, http: HttpSide | None) -> Listener:
    """The listener without its chains."""
    detects = any(chain.alpn for chain in entry.chains)
    by_sni = any(chain.sni or (chain.dynamic is not None and chain.target) for chain in entry.chains)
    return Listener(
        name=f"{entry.binds[0]}_{entry.port}",
        address=address(entry.binds[0], entry.port),
        additional_addresses=additional(entry.binds[1:], entry.port),
        traffic_direction=TrafficDirection.OUTBOUND,
        continue_on_listener_filters_timeout=True,
        connection_balance_config=balance(side.bindings.balance_outbound),
        max_connections_to_accept_per_socket_event=ONE_AT_A_TIME if entry.opens else None,
        bind_to_port=None if entry.opens else BoolValue(value=False),
        listener_filters=[*([TLS_INSPECTOR] if by_sni else []), *([HTTP_INSPECTOR] if detects else [])],
        listener_filters_timeout=detection_timeout(side.settings) if detects else Duration(),
    )


def _filter_chain(chain: Chain, entry: Entry, side: TcpSide, http: HttpSide | None) -> FilterChain:
    source = chain.source.origin if chain.source is not None else None
    return FilterChain(
        filter_chain_match=chain_match(chain),
        filters=list(_filters(chain, entry, side, http)),
        transport_socket_connect_timeout=HANDSHAKE_TIMEOUT,
        metadata=None
        if source is None
        else config_metadata("networking.istio.io", "v1", "VirtualService", source.namespace, source.name),
    )


def _filters(chain: Chain, entry: Entry, side: TcpSide, http: HttpSide | None) -> Iterator[Filter]:
    if chain.target is not None:
        dynamic = chain.dynamic
        yield from network_filters(
            TcpChain(
                side.network,
                tcp_proxy(chain.target),
                chain.spoken,
                sni_proxy=None if dynamic is None else sni_proxy(dynamic, entry.port, side.dns_family),
                port=entry.port,
            )
        )
    elif http is not None:
        variant = Variant(
            grpc_web=chain.spoken is Protocol.GRPC_WEB,
            detected=":" in chain.routes,
            dns_cache=service_dns_cache(chain.dynamic) if chain.dynamic is not None else "",
            dns_family=side.dns_family,
            port=entry.port,
        )
        stat_prefix = f"outbound_{entry.binds[0]}_{entry.port};"
        if chain is next(each for each in entry.chains if each.target is None):
            # istiod gives them to the first such chain of a port only
            yield from connection_filters(side.network.added, side.network.side, entry.port)
        yield connection_manager(http, variant, stat_prefix, chain.routes)


def _unclaimed_chain(side: TcpSide) -> FilterChain:
    return FilterChain(
        name="PassthroughFilterChain",
        filter_chain_match=FilterChainMatch(),
        filters=_unclaimed_filters(side),
    )


def _unclaimed_filters(side: TcpSide) -> list[Filter]:
    proxy = TcpProxy(stat_prefix=side.unclaimed, cluster=side.unclaimed)
    return [*stats_filters(side.network), tcp_proxy_filter(proxy, side.network)]


@kept
def _own_part(side: TcpSide, http: HttpSide, proxy_port: int, dynamic: bool) -> Part:
    """virtualOutbound, where traffic is redirected, and the HTTP proxy port, where there is one."""
    found: list[Resource] = []
    if proxy_port:
        found.append(_http_proxy(side, http, proxy_port))
    if side.bindings.captured:
        found.append(_virtual(side, http, dynamic))
    return {resource.name: resource for resource in found}


def _virtual(side: TcpSide, http: HttpSide, dynamic: bool) -> Resource:
    port = side.settings.config.proxy_listen_port
    chains = [_black_hole(side, port)]
    if dynamic:
        chains.append(_by_host(http))
    chains.append(FilterChain(name=f"{NAME}-catchall-tcp", filters=_unclaimed_filters(side)))
    made = Listener(
        name=NAME,
        address=address(side.bindings.wildcard, port),
        transparent=BoolValue(value=True) if side.bindings.transparent else None,
        use_original_dst=BoolValue(value=True),
        filter_chains=chains,
        traffic_direction=TrafficDirection.OUTBOUND,
        max_connections_to_accept_per_socket_event=ONE_AT_A_TIME,
        listener_filters=[HTTP_INSPECTOR] if dynamic else [],
        access_log=http.common.observation.listener_logs,
    )
    return listener_resource(made)


def _black_hole(side: TcpSide, port: int) -> FilterChain:
    """Connections to the listener's own port would come back for ever."""
    proxy = TcpProxy(stat_prefix=cluster_name.BLACK_HOLE, cluster=cluster_name.BLACK_HOLE)
    return FilterChain(
        name=f"{NAME}-blackhole",
        filter_chain_match=FilterChainMatch(destination_port=UInt32Value(value=port)),
        filters=[*stats_filters(side.network), tcp_proxy_filter(proxy)],
    )


def _by_host(http: HttpSide) -> FilterChain:
    """ALLOW_ANY_DYNAMIC_DNS: plain HTTP to unknown hosts is resolved by its Host header."""
    headers = proxy_headers(http.common.proxy_config.message.proxy_headers, _OUTBOUND)
    host = fallback_virtual_host(ALLOW_ANY_DYNAMIC_DNS, headers.attempt_count, headers.forwarded_host)
    table = RouteConfiguration.FromString(route_configuration(ALLOW_ANY_DYNAMIC_DNS.name, [host]))
    stat_prefix = f"outbound_{NAME}_{ALLOW_ANY_DYNAMIC_DNS.name};"
    return FilterChain(
        name=f"{NAME}-catchall-tcp-http",
        filter_chain_match=FilterChainMatch(application_protocols=PLAIN_HTTP),
        filters=[connection_manager(http, Variant(), stat_prefix, table)],
    )


def _http_proxy(side: TcpSide, http: HttpSide, port: int) -> Resource:
    """A port to which applications send requests for any host."""
    entry = Entry(side.bindings.localhosts, port, True, (Chain(routes=HTTP_PROXY),))
    made = _listener(entry, side, http)
    variant = Variant(absolute_url=True, port=port)
    manager = connection_manager(http, variant, f"outbound_{made.name};", HTTP_PROXY)
    added = connection_filters(side.network.added, side.network.side, port)
    made.filter_chains.append(
        FilterChain(filters=[*added, manager], transport_socket_connect_timeout=HANDSHAKE_TIMEOUT)
    )
    return listener_resource(made, (HTTP_PROXY,))
