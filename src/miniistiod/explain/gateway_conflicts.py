"""Servers of several Gateways on one port of one router: those that are refused, and those that share a host.

IST0145: on istioctl's condition (the same workload, port, bind and host), and where merging refuses one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from miniistiod.api.istio.networking.gateway_pb2 import Gateway, Server
from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import Object
from miniistiod.explain.vantage import vantage
from miniistiod.mesh.findings import finding
from miniistiod.mesh.gateway_listeners import SERVICE
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.policies import selected
from miniistiod.proxy.gateway_servers import GatewayServer

CODE = "IST0145"
REMEDY = "give each host and port to one server only, or write another port"


class Router(NamedTuple):
    """A workload that a Gateway may choose."""

    namespace: str
    labels: tuple[tuple[str, str], ...]


class Place(NamedTuple):
    """A server in its Gateway."""

    gateway: Object[Gateway]
    path: str
    server: Server


def conflicts(serving: Iterable[Router], routers: Iterable[Router], mesh: Mesh) -> Iterator[Diagnostic]:
    """Each server once: `serving` are the routers that a selector chooses, `routers` all there are."""
    said: set[tuple[tuple[str, str, str], str]] = set()
    for place, reason in refused(serving, mesh):
        if (place.gateway.key, place.path) not in said:
            said.add((place.gateway.key, place.path))
            symptom = "this server is left out: its hosts get 404 (NR), or the older one's routes"
            yield finding(Level.ERROR, place.gateway, place.path, CODE, reason, symptom, REMEDY)
    for place, other in sharing(mesh, list(routers)):
        if (place.gateway.key, place.path) not in said:
            said.add((place.gateway.key, place.path))
            name = f"{other.gateway.namespace}/{other.gateway.name}"
            hosts = ", ".join(sorted({*place.server.hosts} & {*other.server.hosts}))
            cause = (
                f"Gateway {name} has port {place.server.port.number} with {hosts} on the same workload too"
            )
            symptom = "the routes of both are served as one; where they differ, the older one answers"
            yield finding(Level.ERROR, place.gateway, place.path, CODE, cause, symptom, REMEDY)


def refused(serving: Iterable[Router], mesh: Mesh) -> Iterator[tuple[Place, str]]:
    """Servers that lost against an older one on the same router, with the reason."""
    for router in serving:
        merged = vantage("router", router.namespace, dict(router.labels), mesh).gateway
        for server, reason in merged.refused:
            yield Place(server.gateway, place_of(server), server.spec), reason


def sharing(mesh: Mesh, routers: list[Router]) -> Iterator[tuple[Place, Place]]:
    """Each server that has a host, bind and port with a server of another Gateway, and that server."""
    by_port: dict[tuple[int, str], list[Place]] = {}
    for gateway in mesh.gateways:
        for index, server in enumerate(gateway.message.servers if SERVICE not in gateway.annotations else ()):
            place = Place(gateway, f"spec.servers[{index}]", server)
            by_port.setdefault((server.port.number, server.bind), []).append(place)
    for places in by_port.values():
        for one, other in combinations(places, 2):
            if one.gateway is other.gateway or not {*one.server.hosts} & {*other.server.hosts}:
                continue
            if same_workload(one.gateway, other.gateway, routers):
                yield one, other
                yield other, one


def same_workload(one: Object[Gateway], other: Object[Gateway], routers: list[Router]) -> bool:
    """Whether both choose alike, or some workload is chosen by both."""
    if one.message.selector == other.message.selector:
        return True
    pair = (one.message.selector, other.message.selector)
    return any(all(selected(each, dict(router.labels)) for each in pair) for router in routers)


def place_of(server: GatewayServer) -> str:
    """The field of a server in its Gateway."""
    same = (n for n, each in enumerate(server.gateway.message.servers) if each is server.spec)
    return f"spec.servers[{next(same, 0)}]"
