"""Routes of kinds that take no effect → what their status says, and what to write instead.

GRPCRoute, TCPRoute and TLSRoute are left out of the translation; nobody should have to guess why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Fault, Json, failed, listed
from miniistiod.mesh.gateway_listeners import CONTROLLER
from miniistiod.mesh.route_attachment import Surroundings, parents_of
from miniistiod.mesh.route_status import as_json, reference_key

INSTEAD: Mapping[str, str] = {
    "GRPCRoute": "write an HTTPRoute, or a VirtualService with `http`: gRPC is HTTP/2, "
    "its path is /PACKAGE.SERVICE/METHOD",
    "TCPRoute": "write a Gateway and a VirtualService with `tcp` of Istio's own API",
    "TLSRoute": "write a Gateway and a VirtualService with `tls` of Istio's own API",
}
"""Kind → the way out."""


def unserved(kind: str) -> str:
    """What is told of such a route."""
    return f"{kind} has no effect here"


def unserved_status(route: Object[Any], around: Surroundings) -> Json:
    """Each parent that is ours does not accept the route."""
    kind = route.kind.name
    refused = failed("Accepted", Fault("NotSupported", f"{unserved(kind)}: {INSTEAD[kind]}"))
    references = sorted(
        route.message.parent_refs, key=lambda each: reference_key(each, route.namespace), reverse=True
    )
    return {
        "parents": [
            {"parentRef": as_json(each), "controllerName": CONTROLLER, "conditions": listed([refused])}
            for each in references
            if parents_of(route, each, around)
        ]
    }
