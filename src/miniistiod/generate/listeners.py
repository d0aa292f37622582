"""A proxy's scope → all its listeners: a sidecar's two sides, or a router's gateway ports; then patched."""

from __future__ import annotations

from miniistiod.generate.listener_patches import ListenerPatches, listener_patches, patched_part
from miniistiod.generate.listeners_gateway import listeners_gateway
from miniistiod.generate.listeners_inbound import listeners_inbound
from miniistiod.generate.listeners_outbound import listeners_outbound
from miniistiod.generate.patches import PatchContext
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part


@fact
def listeners(scope: ProxyScope) -> tuple[Part, ...]:
    """The parts; names are disjoint. A mesh without an outbound port has no sidecar listeners at all."""
    if not scope.proxy.is_router and not scope.settings.config.proxy_listen_port:
        return ()
    if scope.proxy.is_router:
        made: tuple[Part, ...] = (listeners_gateway(scope),)
    else:
        made = (*listeners_outbound(scope), listeners_inbound(scope))
    return _patched(made, scope, listener_patches(scope)) if scope.envoy_filters else made


def _patched(made: tuple[Part, ...], scope: ProxyScope, found: ListenerPatches) -> tuple[Part, ...]:
    """Listeners are added once for each side."""
    if scope.proxy.is_router:
        return tuple(patched_part(part, found, PatchContext.GATEWAY) for part in made)
    first, *others, inbound = made
    outbound = PatchContext.SIDECAR_OUTBOUND
    return (
        patched_part(first, found, outbound),
        *(patched_part(part, found, outbound, adds=False) for part in others),
        patched_part(inbound, found, PatchContext.SIDECAR_INBOUND),
    )
