"""A router's scope → its route tables: `http.PORT` for plain servers, `https.PORT...` for each TLS one.

A virtual host is a host that both a server and a VirtualService bound to its gateway name; several
VirtualServices of one host add up. Hosts with the same routes share a virtual host.
Source: Istio's gateway.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.generate.route_configuration import missing_configuration, route_configuration, virtual_host
from miniistiod.generate.route_domains import joined
from miniistiod.generate.routes_sidecar import hash_rules
from miniistiod.generate.virtual_host_routes import (
    Client,
    HashRule,
    Labels,
    Routes,
    Target,
    asked_labels,
    destination_hosts,
    rule_routes,
)
from miniistiod.mesh.hosts import specificity, subset_of
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.facts import fact
from miniistiod.proxy.gateway_servers import GatewayServer
from miniistiod.proxy.gateways import MergedGateway
from miniistiod.proxy.outbound import OutboundView
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.mesh_config.proxy_headers import proxy_headers
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.xds.resource import Part, Resource, resource


@dataclass(frozen=True, slots=True)
class Edge:
    """What of a router its routes depend on; equal for routers that get the same ones."""

    namespace: str
    labels: Labels
    attempt_count: bool
    forwarded_host: bool
    hashes: tuple[HashRule, ...]


@dataclass(slots=True)
class EdgeHost:
    """A virtual host under construction: its routes come from one VirtualService after another."""

    name: str
    domains: list[str]
    routes: list[Routes] = field(default_factory=list)
    sources: list[Object[Any]] = field(default_factory=list)
    require_tls: bool = False


@fact
def gateway_routes(scope: ProxyScope, names: tuple[str, ...]) -> Part:
    """The tables of these names."""
    return tables(names, scope.gateway, scope.outbound, scope.mesh.services, edge(scope), scope.settings)


@fact
def edge(scope: ProxyScope) -> Edge:
    """What of the router counts."""
    headers = proxy_headers(scope.proxy_config.message.proxy_headers, ListenerClass.GATEWAY)
    asked = gateway_labels(scope.gateway)
    return Edge(
        namespace=scope.proxy.namespace,
        labels=frozenset(label for label in scope.proxy.labels.items() if label[0] in asked),
        attempt_count=headers.attempt_count,
        forwarded_host=headers.forwarded_host,
        hashes=hash_rules(scope.destinations),
    )


@kept
def gateway_labels(gateway: MergedGateway) -> frozenset[str]:
    """The labels of routers that any of its rules asks for."""
    bound = gateway.virtual_services.values()
    return frozenset(label for several in bound for rules in several for label in asked_labels(rules))


@kept
def tables(
    names: tuple[str, ...],
    gateway: MergedGateway,
    view: OutboundView,
    services: ServiceIndex,
    router: Edge,
    settings: MeshSettings,
) -> Part:
    """Each table of these names."""
    return {name: table(name, gateway, view, services, router, settings) for name in names}


@kept
def table(
    name: str,
    gateway: MergedGateway,
    view: OutboundView,
    services: ServiceIndex,
    router: Edge,
    settings: MeshSettings,
) -> Resource:
    """One table; an empty one for servers that are gone, and one that knows no host where none is bound."""
    servers = gateway.by_route_name.get(name)
    if not servers:
        return resource(name, missing_configuration(name))
    hosts = _hosts(servers, gateway, view, services, router, settings)
    if not hosts:
        nobody = virtual_host(joined("blackhole", servers[0].spec.port.number), ("*",), (), False, False)
        return resource(name, route_configuration(name, [nobody]))
    shared = sorted(_shared(hosts), key=lambda host: host.name)
    bodies = [_body(host, router.attempt_count) for host in shared]
    sources = dict.fromkeys(source for host in hosts.values() for source in host.sources)
    return resource(name, route_configuration(name, bodies), origins=sources)


def _hosts(
    servers: Iterable[GatewayServer],
    gateway: MergedGateway,
    view: OutboundView,
    services: ServiceIndex,
    router: Edge,
    settings: MeshSettings,
) -> dict[str, EdgeHost]:
    """The virtual hosts of these servers. Routes made for one serve its gateway's others too."""
    hosts: dict[str, EdgeHost] = {}
    made: dict[tuple[str, MergedVirtualService], Routes] = {}
    for server in servers:
        for rules, hosts_of in bound(server, gateway):
            routes = made.get((server.gateway_name, rules), ())
            if not routes:
                routes = rule_routes(rules, _client(rules, server, view, services, router), settings)
                made[server.gateway_name, rules] = routes
            _serve(hosts, server, hosts_of, rules, routes)
        _redirect(hosts, server)
    return hosts


def bound(server: GatewayServer, gateway: MergedGateway) -> Iterator[tuple[MergedVirtualService, list[str]]]:
    """The rules bound to the server's gateway that share hosts with it, and these hosts."""
    for rules in gateway.virtual_services.get(server.gateway_name, ()):
        hosts = _common(_for_namespace(server.hosts, rules.namespace), rules.message.hosts)
        if hosts:
            yield rules, hosts


def _for_namespace(hosts: Iterable[str], namespace: str) -> list[str]:
    """The server's hosts that VirtualServices of this namespace may bind to."""
    parted = [host.rpartition("/") for host in hosts]
    return [name for place, _, name in parted if place in ("", "*", namespace)]


def _common(served: Iterable[str], ruled: Iterable[str]) -> list[str]:
    """What both name: the narrower one of two hosts of which one covers the other."""
    pairs = [(one, other) for one in served for other in ruled]
    found = [one if subset_of(one, other) else other for one, other in pairs if _meet(one, other)]
    return list(dict.fromkeys(found))


def _meet(one: str, other: str) -> bool:
    return subset_of(one, other) or subset_of(other, one)


def _client(
    rules: MergedVirtualService,
    server: GatewayServer,
    view: OutboundView,
    services: ServiceIndex,
    router: Edge,
) -> Client:
    """What the routes of these rules depend on at this server, and no more."""
    port = server.spec.port.number
    hosts = destination_hosts(rules)
    labels = asked_labels(rules)
    found = ((host, _service(host, rules.namespace, view, services, router)) for host in hosts)
    targets = (_target(host, service, port) for host, service in found if service is not None)
    return Client(
        port=port,
        namespace=router.namespace,
        gateways=frozenset({server.gateway_name}),
        labels=frozenset(label for label in router.labels if label[0] in labels),
        forwarded_host=router.forwarded_host,
        tls=server.spec.HasField("tls"),
        targets=tuple(target for target in targets if target is not None),
        hashes=tuple(each for each in router.hashes if each.host in hosts),
    )


def _service(
    host: str, namespace: str, view: OutboundView, services: ServiceIndex, router: Edge
) -> Service | None:
    """The service a destination means: that of the rules' own namespace if the router sees it."""
    own = services.service(host, namespace)
    return own if own is not None and own.visible_to(router.namespace) else view.upstreams.by_host.get(host)


def _target(host: str, service: Service, port: int) -> Target | None:
    only_port = service.ports[0].number if len(service.ports) == 1 else 0
    target = Target(host, only_port, service.external_name)
    return target if target.alias_of or only_port not in (0, port) else None


def _serve(
    hosts: dict[str, EdgeHost],
    server: GatewayServer,
    bound: Iterable[str],
    rules: MergedVirtualService,
    routes: Routes,
) -> None:
    """Add the routes to the virtual hosts of these hosts."""
    if not routes:
        return
    for name in (host.lower() for host in bound):
        host = hosts.get(name)
        if host is None:
            host = hosts[name] = EdgeHost(joined(name, server.spec.port.number), [name])
        host.routes.append(routes)
        host.sources += (server.gateway, *rules.sources)
        host.require_tls = host.require_tls or server.spec.tls.https_redirect


def _redirect(hosts: dict[str, EdgeHost], server: GatewayServer) -> None:
    """All hosts of a server that redirects to HTTPS do so, with a VirtualService or without."""
    if not server.spec.tls.https_redirect:
        return
    for name in (host.lower() for host in server.hosts):
        if name not in hosts:
            number = server.spec.port.number
            hosts[name] = EdgeHost(joined(name, number), [name], sources=[server.gateway])
        hosts[name].require_tls = True


def _shared(hosts: dict[str, EdgeHost]) -> list[EdgeHost]:
    """Hosts with the very same routes as one, named by the most specific of them; the last one that
    differs in TLS takes the others from there on."""
    firsts: list[EdgeHost] = []
    by_routes: dict[tuple[int, ...], EdgeHost] = {}
    for name in sorted(hosts, key=specificity):
        host = hosts[name]
        same = tuple(id(routes) for routes in host.routes)
        first = by_routes.get(same)
        if first is not None and first.require_tls == host.require_tls:
            first.domains += host.domains
        else:
            by_routes[same] = host
            firsts.append(host)
    return firsts


def _body(host: EdgeHost, attempt_count: bool) -> bytes:
    """The serialised virtual host; routes that take every request come last."""
    routes = tuple(
        sorted((route for several in host.routes for route in several), key=lambda route: route.catch_all)
    )
    return virtual_host(host.name, tuple(host.domains), routes, attempt_count, host.require_tls)
