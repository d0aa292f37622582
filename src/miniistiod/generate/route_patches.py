"""A route table and the patches of EnvoyFilters → the table as they leave it.

From the outside in: the table, its virtual hosts, their routes. At each level what is there is changed or
removed first, then things are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.generate.patches import ApplyTo, Operation, Patch, PatchContext, Patches, patches
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.envoy_filter.merge import merged
from miniistiod.vocab import cluster_name
from miniistiod.xds.resource import Part, Resource, resource

ServicePorts = tuple[tuple[int, tuple[int, ...]], ...]
"""For each port a router listens on, the ports of its Gateways that mean it."""

_ACTIONS = {"route": "ROUTE", "redirect": "REDIRECT", "direct_response": "DIRECT_RESPONSE"}
_Match = EnvoyFilter.RouteConfigurationMatch.RouteMatch


@dataclass(frozen=True, slots=True)
class RoutePatches:
    """The patches for one side of a proxy by what they change. A value."""

    context: int
    tables: Patches
    hosts: Patches
    routes: Patches
    ports: ServicePorts = ()

    @property
    def all(self) -> Patches:
        """All of them."""
        return self.tables + self.hosts + self.routes


@fact
def route_patches(scope: ProxyScope, context: int) -> RoutePatches:
    """The patches of route tables that hold for one side of a proxy."""

    def found(applies_to: int) -> Patches:
        return tuple(patch for patch in patches(scope, applies_to) if patch.in_context(context))

    ports: Mapping[int, frozenset[int]] = scope.gateway.service_ports if scope.proxy.is_router else {}
    return RoutePatches(
        context,
        found(ApplyTo.ROUTE_CONFIGURATION),
        found(ApplyTo.VIRTUAL_HOST),
        found(ApplyTo.HTTP_ROUTE),
        tuple((port, tuple(sorted(ports[port]))) for port in sorted(ports)),
    )


def patched_tables(part: Part, found: RoutePatches) -> Part:
    """The tables as the patches leave them; the same object when there are no patches."""
    return _patched_tables(tuple(part.values()), found) if found.all else part


@kept
def _patched_tables(resources: tuple[Resource, ...], found: RoutePatches) -> Part:
    return {each.name: _patched_table(each, found) for each in resources}


@kept
def _patched_table(table: Resource, found: RoutePatches) -> Resource:
    message = patched_table(RouteConfiguration.FromString(table.body), found)
    origins = (*table.origins, *dict.fromkeys(patch.origin for patch in found.all))
    return resource(message.name, message.SerializeToString(deterministic=True), table.needs, origins)


def patched_table(table: RouteConfiguration, found: RoutePatches) -> RouteConfiguration:
    """One table."""
    for patch in found.tables:
        if patch.merges and patch.value is not None and matches_table(table, patch, found):
            table = merged(table, patch.value, replaces_lists=patch.replaces_lists)
    hosts = [_patched_host(table, host, found) for host in table.virtual_hosts]
    hosts += [
        patch.value
        for patch in found.hosts
        if patch.operation == Operation.ADD and patch.value is not None and matches_table(table, patch, found)
    ]
    made = RouteConfiguration()
    made.CopyFrom(table)
    del made.virtual_hosts[:]
    made.virtual_hosts.extend(host for host in hosts if host is not None)
    return made


def matches_table(table: RouteConfiguration, patch: Patch, found: RoutePatches) -> bool:
    """By name and port; at a gateway also by what its name says of the server."""
    match = patch.match.route_configuration
    if match.name and match.name != table.name:
        return False
    if found.context != PatchContext.GATEWAY:
        return match.port_number in (0, table_port(table.name))
    port, port_name, gateway = server_of(table.name)
    meant = dict(found.ports).get(port, (port,))
    return (
        match.port_name in ("", port_name)
        and match.gateway in ("", gateway)
        and (not match.port_number or match.port_number in meant)
    )


def table_port(name: str) -> int:
    """The port of a sidecar's table; 0 when its name is not one."""
    parsed = cluster_name.parsed(name)
    if parsed is not None and parsed.direction == "inbound":
        return parsed.port
    return int(name) if name.isdecimal() else 0


def server_of(name: str) -> tuple[int, str, str]:
    """Port, port name and NAMESPACE/NAME of the Gateway, of `http.PORT` or
    `https.PORT.PORTNAME.GATEWAY.NAMESPACE`."""
    kind, _, rest = name.partition(".")
    parts = rest.split(".")
    port = int(parts[0]) if parts[0].isdecimal() else 0
    if kind == "https" and len(parts) == 4:
        return port, parts[1], f"{parts[3]}/{parts[2]}"
    return (int(rest) if kind == "http" and rest.isdecimal() else 0), "", ""


def _patched_host(table: RouteConfiguration, host: VirtualHost, found: RoutePatches) -> VirtualHost | None:
    """The virtual host, or None when a patch removes it."""
    for patch in found.hosts:
        if not (matches_table(table, patch, found) and matches_host(host, patch)):
            continue
        if patch.operation == Operation.REMOVE:
            return None
        if patch.merges and patch.value is not None:
            host = merged(host, patch.value, replaces_lists=patch.replaces_lists)
        elif patch.operation == Operation.REPLACE and patch.value is not None:
            host = patch.value
    made = VirtualHost()
    made.CopyFrom(host)
    meant = [p for p in found.routes if matches_table(table, p, found) and matches_host(host, p)]
    del made.routes[:]
    made.routes.extend(_patched_routes(host, meant))
    return made


def matches_host(host: VirtualHost, patch: Patch) -> bool:
    """By name and domain."""
    match = patch.match.route_configuration.vhost
    return match.name in ("", host.name) and (not match.domain_name or match.domain_name in host.domains)


def _patched_routes(host: VirtualHost, meant: list[Patch]) -> list[Route]:
    routes = list(_changed_routes(host, meant))
    for patch in meant:
        value = [patch.value] if patch.value is not None else []
        place = next((i for i, route in enumerate(routes) if matches_route(route, patch)), None)
        named = patch.match.route_configuration.vhost.HasField("route")
        match patch.operation:
            case Operation.ADD:
                routes += value
            case Operation.INSERT_AFTER if not named:
                routes += value
            case Operation.INSERT_BEFORE | Operation.INSERT_FIRST if not named:
                routes[:0] = value
            case Operation.INSERT_AFTER if place is not None:
                routes[place + 1 : place + 1] = value
            case Operation.INSERT_BEFORE if place is not None:
                routes[place:place] = value
            case Operation.INSERT_FIRST if place is not None:
                routes[:0] = value
    return routes


def _changed_routes(host: VirtualHost, meant: list[Patch]) -> Iterator[Route]:
    """The routes that are there, without those that a patch removes."""
    for route in host.routes:
        changed: Route | None = route
        for patch in meant:
            if changed is None or not matches_route(changed, patch):
                continue
            if patch.operation == Operation.REMOVE:
                changed = None
            elif patch.merges and patch.value is not None:
                changed = merged(changed, patch.value, replaces_lists=patch.replaces_lists)
        if changed is not None:
            yield changed


def matches_route(route: Route, patch: Patch) -> bool:
    """By name and by what is done; a kind of action that no patch can name is always meant."""
    match = patch.match.route_configuration.vhost.route
    if match.name not in ("", route.name):
        return False
    action = _ACTIONS.get(route.WhichOneof("action") or "")
    return not match.action or action is None or _Match.Action.Name(match.action) == action
