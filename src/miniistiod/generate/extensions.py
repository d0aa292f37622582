"""A scope → the filter configurations that are resources of their own (ECDS): those of WasmPlugins."""

from __future__ import annotations

from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part


@fact
def extensions(scope: ProxyScope) -> tuple[Part, ...]:
    """None yet."""
    return ()
