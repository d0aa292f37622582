"""Ports of Gateways that a connected router may not open, since it runs without privileges."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.explain.gateway_conflicts import place_of
from miniistiod.proxy.scope import ProxyScope

FIRST_FREE = 1024


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each server of such a port, on any of the routers."""
    for router in world.proxies:
        if router.is_sidecar or not router.unprivileged:
            continue
        gateway = ProxyScope(router, world.mesh).gateway
        for port, merged in gateway.by_port.items():
            for server in merged.servers if port.number < FIRST_FREE else ():
                yield message(
                    WARNING,
                    "privileged-port",
                    server.gateway,
                    f"{place_of(server)}.port.number",
                    f"{router.id} runs without privileges (UNPRIVILEGED_POD), to listen on {port.number}",
                    "the listener is left out: connections are refused",
                    f"lead to a targetPort from {FIRST_FREE} on in the gateway's Service",
                )
