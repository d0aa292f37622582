"""A proxy's scope → all its route tables: those that its listeners ask for."""

from __future__ import annotations

from miniistiod.generate.listeners import listeners
from miniistiod.generate.patches import PatchContext
from miniistiod.generate.route_patches import patched_tables, route_patches
from miniistiod.generate.routes_gateway import gateway_routes
from miniistiod.generate.routes_sidecar import sidecar_routes
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part


@fact
def routes(scope: ProxyScope) -> tuple[Part, ...]:
    """The tables, named by what the listeners need."""
    names = route_names(scope)
    part = gateway_routes(scope, names) if scope.proxy.is_router else sidecar_routes(scope, names)
    if not scope.envoy_filters:
        return (part,)
    context = PatchContext.GATEWAY if scope.proxy.is_router else PatchContext.SIDECAR_OUTBOUND
    return (patched_tables(part, route_patches(scope, context)),)


@fact
def route_names(scope: ProxyScope) -> tuple[str, ...]:
    """The tables that its listeners ask for."""
    asked = (listener.needs for part in listeners(scope) for listener in part.values())
    return tuple(sorted({name for needs in asked for name in needs}))
