"""A proxy's scope → all its listeners: a sidecar's two sides, or a router's gateway ports."""

from __future__ import annotations

from miniistiod.generate.listeners_gateway import listeners_gateway
from miniistiod.generate.listeners_inbound import listeners_inbound
from miniistiod.generate.listeners_outbound import listeners_outbound
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part


def listeners(scope: ProxyScope) -> tuple[Part, ...]:
    """The parts; names are disjoint. A mesh without an outbound port has no sidecar listeners at all."""
    if scope.proxy.is_router:
        return (listeners_gateway(scope),)
    if not scope.settings.config.proxy_listen_port:
        return ()
    return (*listeners_outbound(scope), listeners_inbound(scope))
