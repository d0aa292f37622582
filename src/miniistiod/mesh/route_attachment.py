"""A route's parentRef → the listeners it means, and why one of them refuses the route.

Source: istiod's extractParentReferenceInfo and referenceAllowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from miniistiod.api.gatewayapi import gateway_pb2 as api
from miniistiod.api.istio.networking.service_entry_pb2 import ServiceEntry
from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Fault
from miniistiod.mesh.gateway_listeners import Parent
from miniistiod.mesh.hosts import overlap
from miniistiod.mesh.reference_grants import GATEWAY_API, Grant
from miniistiod.mesh.virtual_services import MESH

Route = Object[api.HTTPRoute]
ISTIO_NETWORKING = "networking.istio.io"
THE_MESH = Parent(MESH, (), "", "", 0, "", ("HTTPRoute",))
NO_PARENT = "NoMatchingParent"
NOT_ALLOWED = "NotAllowedByListeners"
NO_HOST = "NoMatchingListenerHostname"


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What routes refer to. `parents` are the listeners of each Gateway by its (namespace, name), `hosts` all
    hosts that some service has, `entries` the ServiceEntries by (namespace, name)."""

    parents: Mapping[tuple[str, str], tuple[Parent, ...]]
    hosts: frozenset[str]
    entries: Mapping[tuple[str, str], Object[ServiceEntry]]
    grants: tuple[Grant, ...]
    domain: str


def attached(
    route: Route, around: Surroundings
) -> Iterator[tuple[api.ParentReference, Parent, frozenset[str]]]:
    """The listeners that take the route, each with the hosts of its neighbours on the same port."""
    for reference in route.message.parent_refs:
        listeners = parents_of(route, reference, around)
        for parent in listeners:
            if refusal(route, reference, parent, around) is None:
                near = (p for p in listeners if (p.port, p.protocol) == (parent.port, parent.protocol))
                yield reference, parent, frozenset(p.hostname for p in near) - {parent.hostname}


def parents_of(
    route: Object[Any], reference: api.ParentReference, around: Surroundings
) -> tuple[Parent, ...]:
    """All listeners of the Gateway a reference names, the mesh for a Service, () for what is not ours."""
    match kind_of(reference):
        case ("gateway.networking.k8s.io", "Gateway"):
            return around.parents.get((reference.namespace or route.namespace, reference.name), ())
        case ("", "Service") | ("networking.istio.io", "ServiceEntry"):
            return (THE_MESH,)
    return ()


def kind_of(reference: api.ParentReference) -> tuple[str, str]:
    """Group and kind of a parent."""
    return (reference.group if reference.HasField("group") else GATEWAY_API, reference.kind or "Gateway")


def refusal(
    route: Route, reference: api.ParentReference, parent: Parent, around: Surroundings
) -> Fault | None:
    """Why this listener does not take the route; None when it does."""
    if parent is THE_MESH:
        return _unknown_service(route, reference, around)
    if reference.port not in (0, parent.port):
        return Fault(NO_PARENT, f"the Gateway has no listener on port {reference.port}")
    if reference.section_name not in ("", parent.section):
        return Fault(NO_PARENT, f"the Gateway has no listener named {reference.section_name}")
    return _unheard(route, parent) or _wrong_kind(parent)


def _unknown_service(route: Route, reference: api.ParentReference, around: Surroundings) -> Fault | None:
    namespace = reference.namespace or route.namespace
    kind = kind_of(reference)[1]
    if kind == "Service":
        known = f"{reference.name}.{namespace}.svc.{around.domain}" in around.hosts
    else:
        known = (namespace, reference.name) in around.entries
    return None if known else Fault(NO_PARENT, f"there is no {kind} {namespace}/{reference.name}")


def _unheard(route: Route, parent: Parent) -> Fault | None:
    allowed = [host.partition("/") for host in parent.hosts]
    wanted = tuple(route.message.hostnames) or ("*",)
    met = [namespace for host in wanted for namespace, _, own in allowed if overlap(host, own)]
    if any(namespace in ("*", route.namespace) for namespace in met):
        return None
    if met:
        return Fault(NOT_ALLOWED, f"the listener takes no routes of namespace {route.namespace}")
    return Fault(NO_HOST, f"the route's hosts are none of the listener's, which is {parent.hostname or '*'}")


def _wrong_kind(parent: Parent) -> Fault | None:
    if "HTTPRoute" in parent.kinds:
        return None
    return Fault(NOT_ALLOWED, "the listener takes no routes of kind HTTPRoute")
