"""HTTPRoutes of the Gateway API → VirtualServices: one for each host at a listener, or at a Service.

Routes for the same host and listener are merged, the narrower matches first. Source: istiod's
route_collections.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from miniistiod.api.gatewayapi import gateway_pb2 as api
from miniistiod.api.istio.networking.virtual_service_pb2 import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    PortSelector,
    VirtualService,
)
from miniistiod.api.kinds import KINDS
from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Fault
from miniistiod.mesh.gateway_listeners import INFIX
from miniistiod.mesh.hosts import is_wildcard, overlap, subset_of
from miniistiod.mesh.kept import kept
from miniistiod.mesh.reference_grants import Grant, granted
from miniistiod.mesh.route_attachment import ISTIO_NETWORKING, Route, Surroundings, attached
from miniistiod.mesh.virtual_services import MESH, SEMANTICS
from miniistiod.translate.http_route.rule import Backend, rule
from miniistiod.translate.http_route.unusable import Unusable

VIRTUAL_SERVICE = next(kind for kind in KINDS if kind.id == "VirtualService")
DESTINATION = "InvalidDestination"
SERVICES = (("", "Service"), ("multicluster.x-k8s.io", "ServiceImport"))
"""Backends that mean a Service; an imported one is the Service of that name, in all clusters."""
ANY_MATCH = (api.HTTPRouteMatch(),)
ANY_RULE = (api.HTTPRouteRule(),)
"""What an API server writes where nothing stands: everything matches, and without a backend gets 500."""

RANKS = {"exact": 3, "prefix": 2, "regex": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of one route; equal only to themselves. `fault` is why one of them cannot be carried out, or
    all of them when there are none."""

    http: tuple[HTTPRoute, ...]
    fault: Fault | None = None


class Share(NamedTuple):
    """What one route gives to one host: `key` says which shares are merged, `name` orders them."""

    key: str
    gateway: str
    host: str
    name: str
    route: Route
    rules: Rules


def virtual_services(routes: Iterable[Route], around: Surroundings) -> tuple[Object[VirtualService], ...]:
    """The VirtualServices of all routes."""
    shares: defaultdict[str, list[Share]] = defaultdict(list)
    for route in routes:
        for share in _shares(route, around):
            shares[share.key].append(share)
    return tuple(merged(tuple(sorted(each, key=_age))) for each in shares.values())


def _age(share: Share) -> tuple[str, str, str]:
    return (share.route.moment, share.route.namespace, share.name)


@kept
def merged(shares: tuple[Share, ...]) -> Object[VirtualService]:
    """One VirtualService of all shares in a host, the oldest first."""
    first = shares[0]
    http = sorted((each for share in shares for each in share.rules.http), key=_order)
    message = VirtualService(hosts=[first.host], gateways=[first.gateway], http=http)
    return Object(
        VIRTUAL_SERVICE,
        first.key.replace("/", "~"),
        first.route.namespace,
        message,
        first.route.origin,
        annotations={SEMANTICS: "gateway"},
        created=first.route.moment,
    )


def _order(http: HTTPRoute) -> tuple[bool, int, int, bool, int, int]:
    """Narrower first: exact, prefix, regex; the longer path; with a method; more headers; more parameters."""
    if not http.match:
        return (True, 0, 0, False, 0, 0)
    match = http.match[0]
    kind = match.uri.WhichOneof("match_type") or ""
    length = len(getattr(match.uri, kind).encode()) if kind else 0
    method = match.HasField("method")
    return (False, -RANKS.get(kind, -1), -length, not method, -len(match.headers), -len(match.query_params))


def _shares(route: Route, around: Surroundings) -> Iterator[Share]:
    count = 0
    taken = sorted(attached(route, around), key=lambda each: each[1].name)
    for reference, parent, banned in taken:
        mesh = parent.name == MESH
        port = reference.port if mesh and reference.HasField("port") else 0
        rules = route_rules(route, mesh, port, around.grants, around.hosts, around.domain)
        if not rules.http:
            continue
        place = (f"{route.namespace}/{port}" if port else route.namespace) if mesh else parent.name
        for host in _hosts(route, reference, mesh, around):
            if _isolated(host, parent.hostname, banned):
                name = f"{route.name}~{count}~{INFIX}"
                yield Share(f"{place}/{host}", parent.name, host, name, route, rules)
                count += 1


def _hosts(route: Route, reference: api.ParentReference, mesh: bool, around: Surroundings) -> Iterable[str]:
    """The route's hosts, or those of the Service or ServiceEntry it is attached to."""
    if not mesh:
        return tuple(route.message.hostnames) or ("*",)
    namespace = reference.namespace or route.namespace
    if reference.kind == "ServiceEntry":
        entry = around.entries.get((namespace, reference.name))
        return tuple(entry.message.hosts) if entry is not None else ()
    return (f"{reference.name}.{namespace}.svc.{around.domain}",)


def _isolated(host: str, listener: str, banned: frozenset[str]) -> bool:
    """Whether the host is this listener's to serve: a neighbour with a narrower name takes it away."""
    if listener and not is_wildcard(listener):
        return True
    if listener and not overlap(host, listener):
        return False
    return not any(len(listener) <= len(other) and subset_of(host, other) for other in banned)


@kept
def route_rules(
    route: Route, mesh: bool, port: int, grants: tuple[Grant, ...], hosts: frozenset[str], domain: str
) -> Rules:
    """All rules of a route, one for each match; none when one of them cannot be carried out. In the mesh no
    grants are asked for, and they are for this port only (0: any)."""

    faults: list[Fault] = []

    def backend(reference: api.BackendRef | api.HTTPBackendRef) -> Backend:
        found = backend_of(reference, route.namespace, None if mesh else grants, hosts, domain)
        if isinstance(found, Backend):
            return found
        faults.append(found.fault)
        return Backend(found.destination, False)

    try:
        http = [
            rule(each, match, f"{route.namespace}.{route.name}.{index}", backend)
            for index, each in enumerate(route.message.rules or ANY_RULE)
            for match in (each.matches or ANY_MATCH)
        ]
    except Unusable as fault:
        return Rules((), Fault(fault.reason, str(fault)))
    ordered = tuple(sorted((_at_port(each, port) for each in http), key=_order))
    return Rules(ordered, faults[-1] if faults else None)


def _at_port(http: HTTPRoute, port: int) -> HTTPRoute:
    if not port:
        return http
    at = HTTPRoute()
    at.CopyFrom(http)
    if not at.match:
        at.match.append(HTTPMatchRequest())
    for match in at.match:
        match.port = port
    return at


class Missing(NamedTuple):
    """A backend that cannot be used, with the name under which it is still asked for, if any."""

    destination: Destination
    fault: Fault


def backend_of(
    reference: api.BackendRef | api.HTTPBackendRef,
    namespace: str,
    grants: tuple[Grant, ...] | None,
    hosts: frozenset[str],
    domain: str,
) -> Backend | Missing:
    """Where a backend is. One that does not exist still has a name; one that is not granted has none."""
    kind = reference.kind if reference.HasField("kind") else "Service"
    place = reference.namespace if reference.HasField("namespace") else namespace
    target = (reference.group, kind, place, reference.name)
    if grants is not None and not granted(grants, "HTTPRoute", namespace, target):
        who = f"HTTPRoutes of {namespace} use {kind} {reference.name}"
        said = f"no ReferenceGrant in namespace {place} lets {who}"
        return Missing(Destination(), Fault("RefNotPermitted", said))
    if (reference.group, kind) in SERVICES:
        host = f"{reference.name}.{place}.svc.{domain}"
        if "." in reference.name:
            raise Unusable("a backend is named by its Service's name, not by its host", DESTINATION)
    elif (reference.group, kind) == (ISTIO_NETWORKING, "Hostname"):
        if reference.HasField("namespace"):
            raise Unusable("a backend of kind Hostname has no namespace", DESTINATION)
        host = reference.name
    else:
        said = f"a backend of kind {kind} and group {reference.group!r} is not supported"
        return Missing(Destination(), Fault("InvalidKind", said))
    if not reference.HasField("port"):
        raise Unusable(f"backend {reference.name} needs a port", DESTINATION)
    destination = Destination(host=host, port=PortSelector(number=reference.port))
    if host not in hosts:
        return Missing(destination, Fault("BackendNotFound", f"there is no {kind} {host}"))
    return Backend(destination, True)
