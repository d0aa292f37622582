"""A proxy's scope → what the listeners of each of its sides have in common, for HTTP and for TCP.

Each is the same object for all proxies that would get the same, so listeners can be kept under it.
"""

from __future__ import annotations

from typing import NamedTuple

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from miniistiod.config.wellknown import nanoseconds
from miniistiod.generate.bindings import bindings
from miniistiod.generate.connection_managers import CommonSide, HttpSide, HttpWire, idle_timeout
from miniistiod.generate.forward_proxies import LOCAL_DNS, allow_any_cache, dns_family
from miniistiod.generate.http_filters import HttpChoices
from miniistiod.generate.network_filters import NetworkTraits
from miniistiod.generate.observation import (
    Observation,
    Traces,
    observation,
    span_identity,
    traces,
)
from miniistiod.generate.route_configuration import ALLOW_ANY_DYNAMIC_DNS
from miniistiod.generate.routes_sidecar import fallback
from miniistiod.generate.security_filters import (
    HttpSecurity,
    NetworkSecurity,
    http_security,
    network_security,
)
from miniistiod.mesh.collectors import Collectors, collectors
from miniistiod.mesh.extensions import Extensions
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.telemetry import Applied
from miniistiod.proxy.facts import fact
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.proxy_config import EffectiveProxyConfig
from miniistiod.proxy.scope import ProxyScope
from miniistiod.vocab.listener_class import ListenerClass

NO_HTTP_SECURITY = HttpSecurity()
NO_NETWORK_SECURITY = NetworkSecurity()
"""A sidecar checks nothing on the way out."""


@fact
def http_side(scope: ProxyScope, side: ListenerClass) -> HttpSide:
    """What the connection managers of one side have in common."""
    proxy = scope.proxy
    found = collectors(scope.settings, scope.mesh.services)
    told = (scope.telemetries, scope.settings, found)
    spans: Traces = traces(*told, scope.proxy_config, span_identity(proxy), side)
    common = _common_side(
        side,
        proxy.istio_extensions,
        *told,
        scope.proxy_config,
        spans.by_request_id,
        wire(proxy),
        scope.extensions,
        NO_HTTP_SECURITY if side is ListenerClass.SIDECAR_OUTBOUND else http_security(scope),
        dynamic_dns(scope) if side is ListenerClass.SIDECAR_OUTBOUND else None,
    )
    return HttpSide(common, spans.tracing)


@fact
def network_traits(scope: ProxyScope, side: ListenerClass) -> NetworkTraits:
    """What the TCP chains of one side have in common."""
    seen = side_observation(scope, side)
    outbound = side is ListenerClass.SIDECAR_OUTBOUND
    filters = NO_NETWORK_SECURITY if outbound else network_security(scope)
    return _network_traits(
        side, scope.proxy.istio_extensions, seen, wire(scope.proxy), filters, scope.extensions
    )


@fact
def side_observation(scope: ProxyScope, side: ListenerClass) -> Observation:
    """What one side tells of its traffic."""
    found = collectors(scope.settings, scope.mesh.services)
    return observation(scope.telemetries, scope.settings, found, side)


@kept
def wire(proxy: Proxy) -> HttpWire:
    """What the proxy's metadata say of its connections."""
    idle = nanoseconds(str(proxy.metadata.get("IDLE_TIMEOUT") or ""))
    return HttpWire(str(proxy.metadata.get("HTTP10") or "") == "1", None if idle is None else idle / 1e9)


class DynamicDns(NamedTuple):
    """How unknown hosts are resolved: the family, and the agent's DNS server ("" for the system's own)."""

    family: int
    resolver: str


@fact
def dynamic_dns(scope: ProxyScope) -> DynamicDns | None:
    """None unless the outbound traffic policy is ALLOW_ANY_DYNAMIC_DNS."""
    if fallback(scope.outbound_traffic_policy) != ALLOW_ANY_DYNAMIC_DNS:
        return None
    proxy = scope.proxy
    place = str(proxy.metadata.get("DNS_PROXY_ADDR") or LOCAL_DNS) if proxy.dns_capture else ""
    return DynamicDns(dns_family(bindings(proxy, scope.settings)), place)


@kept
def _common_side(
    side: ListenerClass,
    extensions: bool,
    applied: Applied,
    settings: MeshSettings,
    found: Collectors,
    proxy_config: EffectiveProxyConfig,
    by_request_id: bool,
    metadata: HttpWire,
    added: Extensions,
    secured: HttpSecurity,
    dns: DynamicDns | None,
) -> CommonSide:
    seen = observation(applied, settings, found, side)
    choices = HttpChoices(
        side=side,
        extensions=extensions,
        custom=secured.custom,
        jwt=secured.authentication,
        local=secured.authorization,
        stats=seen.stats,
        dns_caches=() if dns is None else (allow_any_cache(dns.family, dns.resolver),),
    )
    return CommonSide(choices, settings, proxy_config, seen, by_request_id, metadata, added)


@kept
def _network_traits(
    side: ListenerClass,
    extensions: bool,
    seen: Observation,
    metadata: HttpWire,
    secured: NetworkSecurity,
    added: Extensions,
) -> NetworkTraits:
    return NetworkTraits(
        side=side,
        extensions=extensions,
        stats=seen.stats,
        custom=secured.custom,
        local=secured.authorization,
        added=added,
        proxy=TcpProxy(access_log=seen.tcp_logs, idle_timeout=idle_timeout(metadata)),
    )
