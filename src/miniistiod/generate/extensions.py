"""A scope → the filter configurations that are resources of their own (ECDS): those of WasmPlugins."""

from __future__ import annotations

from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part


def extensions(scope: ProxyScope) -> tuple[Part, ...]:
    """None yet."""
    return ()
