"""HTTPRoute → its `status.parents`: which Gateways and Services take it, and whether it has its backends."""

from __future__ import annotations

from miniistiod.api.gatewayapi import gateway_pb2 as api
from miniistiod.mesh.conditions import Fault, Json, joined, judged, listed
from miniistiod.mesh.gateway_listeners import CONTROLLER
from miniistiod.mesh.gateway_routes import route_rules
from miniistiod.mesh.reference_grants import GATEWAY_API
from miniistiod.mesh.route_attachment import (
    NO_HOST,
    NO_PARENT,
    NOT_ALLOWED,
    THE_MESH,
    Route,
    Surroundings,
    parents_of,
    refusal,
)

SEVEREST = (None, NOT_ALLOWED, NO_HOST, NO_PARENT)
"""Of the listeners that a reference means one speaks for all: one that takes it, else in this order."""


def route_status(route: Route, around: Surroundings) -> Json:
    """The status. A parent that is not ours, or is not there, has no entry, as in istiod."""
    references = {reference_key(each, route.namespace): each for each in route.message.parent_refs}
    found = [parent_status(route, references[key], around) for key in sorted(references, reverse=True)]
    return {"parents": [each for each in found if each is not None]}


def parent_status(route: Route, reference: api.ParentReference, around: Surroundings) -> Json | None:
    """What one parent says of the route."""
    parents = parents_of(route, reference, around)
    if not parents:
        return None
    refusals = [refusal(route, reference, parent, around) for parent in parents]
    taken = refusals.count(None)
    said = f"Route was valid, bound to {taken} parents" if taken > 1 else "Route was valid"
    conditions = (
        judged("Accepted", said, verdict(refusals)),
        judged("ResolvedRefs", "All references resolved", unresolved(route, parents == (THE_MESH,), around)),
    )
    return {
        "parentRef": as_json(reference),
        "controllerName": CONTROLLER,
        "conditions": listed(conditions),
    }


def verdict(refusals: list[Fault | None]) -> Fault | None:
    """What is told of several listeners' answers; None when one of them takes the route."""
    by_reason: dict[str | None, list[Fault]] = {}
    for each in refusals:
        by_reason.setdefault(each and each.reason, []).extend([each] if each else [])
    return joined(by_reason[next(reason for reason in SEVEREST if reason in by_reason)])


def unresolved(route: Route, mesh: bool, around: Surroundings) -> Fault | None:
    """What a rule of the route refers to that cannot be used."""
    return route_rules(route, mesh, 0, around.grants, around.hosts, around.domain).fault


def reference_key(reference: api.ParentReference, namespace: str) -> str:
    """The text that istiod sorts parents by."""
    group = reference.group if reference.HasField("group") else GATEWAY_API
    kind = reference.kind or "Gateway"
    place = f"{reference.section_name}/{reference.port}.{reference.namespace or namespace}"
    return f"{group}/{kind}/{reference.name}/{place}"


def as_json(reference: api.ParentReference) -> Json:
    """The reference as an API server would have it, its defaults filled in."""
    found: Json = {
        "group": reference.group if reference.HasField("group") else GATEWAY_API,
        "kind": reference.kind or "Gateway",
    }
    wanted = {"namespace": reference.namespace, "name": reference.name, "sectionName": reference.section_name}
    return (
        found | {k: v for k, v in wanted.items() if v} | ({"port": reference.port} if reference.port else {})
    )
