"""A listener and the patches of EnvoyFilters → the listener as they leave it, or none; and those they add.

From the outside in: the listener, its listener filters, each chain, its network filters, and the HTTP filters
of a connection manager. At each level removals and merges come in the order of the patches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)

from miniistiod.generate.connection_managers import NAME as CONNECTION_MANAGER
from miniistiod.generate.listener_resource import listener_resource
from miniistiod.generate.listeners_inbound import NAME as VIRTUAL_INBOUND
from miniistiod.generate.listeners_outbound import NAME as VIRTUAL_OUTBOUND
from miniistiod.generate.patches import ApplyTo, Operation, Patch, PatchContext, Patches, patches
from miniistiod.generate.route_patches import RoutePatches, patched_table, route_patches
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.envoy_filter.merge import merged, merged_any
from miniistiod.vocab.packing import packed
from miniistiod.xds.resource import Part, Resource

VIRTUAL = (VIRTUAL_INBOUND, VIRTUAL_OUTBOUND)
"""Their chains are for many ports, so there a port in a match means a chain's, not the listener's."""

ADDED_FOR_ANY = (PatchContext.SIDECAR_OUTBOUND, PatchContext.GATEWAY)
"""The sides where a listener is added that is for any side: once for each proxy."""


@dataclass(frozen=True, slots=True)
class ListenerPatches:
    """The patches of one proxy by what they change. A value."""

    listeners: Patches
    listener_filters: Patches
    chains: Patches
    network_filters: Patches
    http_filters: Patches
    inbound_routes: RoutePatches

    @property
    def all(self) -> Patches:
        """All of them."""
        filters = self.listener_filters + self.network_filters + self.http_filters
        return self.listeners + self.chains + filters + self.inbound_routes.all


@fact
def listener_patches(scope: ProxyScope) -> ListenerPatches:
    """The patches of listeners that hold for a proxy."""
    return ListenerPatches(
        patches(scope, ApplyTo.LISTENER),
        patches(scope, ApplyTo.LISTENER_FILTER),
        patches(scope, ApplyTo.FILTER_CHAIN),
        patches(scope, ApplyTo.NETWORK_FILTER),
        patches(scope, ApplyTo.HTTP_FILTER),
        route_patches(scope, PatchContext.SIDECAR_INBOUND),
    )


def patched_part(part: Part, found: ListenerPatches, context: int, *, adds: bool = True) -> Part:
    """The listeners of one side as the patches leave them, and those they add."""
    return _patched_part(tuple(part.values()), found, context, adds)


@kept
def _patched_part(resources: tuple[Resource, ...], found: ListenerPatches, context: int, adds: bool) -> Part:
    left = [_patched_resource(each, found, context) for each in resources]
    new = added_listeners(found.listeners, context) if adds else ()
    made = [*(each for each in left if each is not None), *(_resource(each, found.listeners) for each in new)]
    return {resource.name: resource for resource in made}


@kept
def _patched_resource(resource: Resource, found: ListenerPatches, context: int) -> Resource | None:
    listener = patched_listener(Listener.FromString(resource.body), found, context)
    if listener is None:
        return None
    return listener_resource(listener, route_names(listener), (*resource.origins, *_origins(found.all)))


def _resource(listener: Listener, found: Patches) -> Resource:
    return listener_resource(listener, route_names(listener), _origins(found))


def _origins(found: Patches) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(patch.origin for patch in found))


def route_names(listener: Listener) -> Iterator[str]:
    """The route tables that its chains fetch."""
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for each in chain.filters:
            if each.typed_config.Is(Hcm.DESCRIPTOR):
                manager = Hcm.FromString(each.typed_config.value)
                if manager.HasField("rds"):
                    yield manager.rds.route_config_name


def added_listeners(found: Patches, context: int) -> Iterator[Listener]:
    """The listeners that are added for one side of a proxy."""
    for patch in found:
        everywhere = patch.match.context == PatchContext.ANY
        if patch.operation != Operation.ADD or (everywhere and context not in ADDED_FOR_ANY):
            continue
        if patch.in_context(context) and patch.value is not None:
            yield patch.value


def patched_listener(listener: Listener, found: ListenerPatches, context: int) -> Listener | None:
    """The listener, or None when a patch removes it."""
    for patch in _meant(found.listeners, listener, context):
        if patch.operation == Operation.REMOVE:
            return None
        if patch.merges and patch.value is not None:
            listener = merged(listener, patch.value, replaces_lists=patch.replaces_lists)
    made = Listener()
    made.CopyFrom(listener)
    _set(made.listener_filters, _listener_filters(made, found, context))
    chains = (_patched_chain(made, chain, found, context) for chain in made.filter_chains if chain.filters)
    added = (p.value for p in _meant(found.chains, made, context) if p.operation == Operation.ADD)
    _set(made.filter_chains, [*(c for c in chains if c is not None), *(v for v in added if v and v.filters)])
    if made.default_filter_chain.filters:
        default = _patched_chain(made, made.default_filter_chain, found, context)
        made.ClearField("default_filter_chain")
        if default is not None:
            made.default_filter_chain.CopyFrom(default)
    return made


def _set(field: Any, values: Sequence[Any]) -> None:
    values = [*values]
    del field[:]
    field.extend(values)


def _meant(found: Patches, listener: Listener, context: int) -> Iterator[Patch]:
    """The patches for this listener."""
    return (p for p in found if p.in_context(context) and matches_listener(listener, p))


def matches_listener(listener: Listener, patch: Patch) -> bool:
    """By name, and by port except for what stands inside the virtual listeners."""
    match = patch.match.listener
    if match.name and match.name != listener.name:
        return False
    if patch.applies_to != ApplyTo.LISTENER and listener.name in VIRTUAL:
        return True
    return match.port_number in (0, listener.address.socket_address.port_value)


def matches_chain(listener: Listener, chain: FilterChain, patch: Patch) -> bool:
    """By everything a chain is chosen by."""
    match, wanted = chain.filter_chain_match, patch.match.listener.filter_chain
    port, number = match.destination_port.value, patch.match.listener.port_number
    return (
        (listener.name not in VIRTUAL or number in (0, port))
        and wanted.name in ("", chain.name)
        and (not wanted.sni or wanted.sni in match.server_names)
        and wanted.transport_protocol in ("", match.transport_protocol)
        and _all_in(wanted.application_protocols, match.application_protocols)
        and wanted.destination_port in (0, port)
    )


def _all_in(wanted: str, offered: Iterable[str]) -> bool:
    return not wanted or set(wanted.split(",")) <= set(offered)


def _listener_filters(listener: Listener, found: ListenerPatches, context: int) -> list[Any]:
    filters = list(listener.listener_filters)
    for patch in _meant(found.listener_filters, listener, context):
        name = patch.match.listener.listener_filter or None
        if patch.operation == Operation.MERGE and name is not None:
            # istiod merges into every filter, whatever its name
            filters = [_merged_filter(each, patch, renames=False) for each in filters]
        else:
            filters = rearranged(filters, patch, name)
    return filters


def _patched_chain(
    listener: Listener, chain: FilterChain, found: ListenerPatches, context: int
) -> FilterChain | None:
    """The chain, or None when a patch removes it."""
    for patch in _meant(found.chains, listener, context):
        if not matches_chain(listener, chain, patch):
            continue
        if patch.operation == Operation.REMOVE:
            return None
        if patch.merges and patch.value is not None:
            chain = _merged_chain(chain, patch)
    made = FilterChain()
    made.CopyFrom(chain)
    inbound = context == PatchContext.SIDECAR_INBOUND and found.inbound_routes.all
    if inbound:  # the tables inside the chains, before anything else in them is patched
        _set(made.filters, [_with_routes(each, found.inbound_routes) for each in made.filters])
    _set(made.filters, _network_filters(listener, made, found, context))
    return made if made.filters else None


def _with_routes(each: Filter, found: RoutePatches) -> Filter:
    if each.name != CONNECTION_MANAGER or not each.HasField("typed_config"):
        return each
    manager = Hcm.FromString(each.typed_config.value)
    if not manager.HasField("route_config"):
        return each
    table = patched_table(manager.route_config, found)
    manager.route_config.CopyFrom(table)
    return Filter(name=each.name, typed_config=packed(manager))


def _merged_chain(chain: FilterChain, patch: Patch) -> FilterChain:
    """A patch for the transport socket of this name changes its configuration, and nothing else."""
    socket = patch.value.transport_socket
    same = chain.HasField("transport_socket") and socket.name == chain.transport_socket.name
    if not (patch.value.HasField("transport_socket") and same):
        return merged(chain, patch.value, replaces_lists=patch.replaces_lists)
    made = FilterChain()
    made.CopyFrom(chain)
    if chain.transport_socket.HasField("typed_config") and socket.HasField("typed_config"):
        config = merged_any(chain.transport_socket.typed_config, socket.typed_config)
        made.transport_socket.typed_config.CopyFrom(config)
    return made


def _network_filters(
    listener: Listener, chain: FilterChain, found: ListenerPatches, context: int
) -> list[Filter]:
    filters = list(chain.filters)
    of_filters = [
        p for p in _meant(found.network_filters, listener, context) if matches_chain(listener, chain, p)
    ]
    of_http = [p for p in _meant(found.http_filters, listener, context) if matches_chain(listener, chain, p)]
    for patch in of_filters:
        filters = rearranged(filters, patch, network_filter_name(patch))
    return [_patched_filter(each, of_filters, of_http) for each in filters]


def _patched_filter(each: Filter, of_filters: list[Patch], of_http: list[Patch]) -> Filter:
    for patch in of_filters:
        if patch.operation == Operation.MERGE and network_filter_name(patch) in (None, each.name):
            each = _merged_filter(each, patch)
    if each.name != CONNECTION_MANAGER or not each.HasField("typed_config"):
        return each
    meant = [p for p in of_http if network_filter_name(p) in (None, each.name)]
    return _with_http_filters(each, meant) if meant else each


def _with_http_filters(each: Filter, of_http: list[Patch]) -> Filter:
    manager = Hcm.FromString(each.typed_config.value)
    filters = list(manager.http_filters)
    for patch in of_http:
        filters = rearranged(filters, patch, http_filter_name(patch))
    for patch in (p for p in of_http if p.operation == Operation.MERGE):
        name = http_filter_name(patch)
        filters = [_merged_filter(f, patch) if name in (None, f.name) else f for f in filters]
    _set(manager.http_filters, filters)
    return Filter(name=each.name, typed_config=packed(manager))


def network_filter_name(patch: Patch) -> str | None:
    """The network filter a patch names; None when it names none."""
    chain = patch.match.listener.filter_chain
    return chain.filter.name if chain.HasField("filter") else None


def http_filter_name(patch: Patch) -> str | None:
    """The HTTP filter a patch names; None when it names none."""
    named = patch.match.listener.filter_chain.filter
    return named.sub_filter.name if named.HasField("sub_filter") else None


def rearranged(filters: list[Any], patch: Patch, name: str | None) -> list[Any]:
    """The filters with one added, replaced or removed. Without a name before is first, and after is last."""
    value = [patch.value] if patch.value is not None else []
    match patch.operation:
        case Operation.ADD:
            return filters + value
        case Operation.INSERT_FIRST:
            return value + filters
        case Operation.REMOVE:
            return [each for each in filters if name is None or each.name != name]
    place = next((i for i, each in enumerate(filters) if each.name == name), None)
    match patch.operation:
        case Operation.INSERT_AFTER if name is None:
            return filters + value
        case Operation.INSERT_BEFORE if name is None:
            return value + filters
        case Operation.INSERT_AFTER if place is not None:
            return filters[: place + 1] + value + filters[place + 1 :]
        case Operation.INSERT_BEFORE if place is not None:
            return filters[:place] + value + filters[place:]
        case Operation.REPLACE if place is not None and value:
            return filters[:place] + value + filters[place + 1 :]
    return filters


def _merged_filter(each: Any, patch: Patch, *, renames: bool = True) -> Any:
    """The filter with its configuration merged; a patch may give it another name. One without a typed
    configuration is left alone."""
    if not each.HasField("typed_config") or patch.value is None:
        return each
    made = type(each)()
    made.CopyFrom(each)
    if renames and patch.value.name:
        made.name = patch.value.name
    if patch.value.HasField("typed_config"):
        made.typed_config.CopyFrom(merged_any(each.typed_config, patch.value.typed_config))
    return made
