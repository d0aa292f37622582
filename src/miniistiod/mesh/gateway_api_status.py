"""The objects of the Gateway API and a Mesh → the `status` that istiod would write into each of them.

Pure, and asked for by people only: nothing that is sent to a proxy depends on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.certificate_references import certificates
from miniistiod.mesh.conditions import Json, good, listed
from miniistiod.mesh.gateway_api import API_GATEWAY, surroundings
from miniistiod.mesh.gateway_listeners import CONTROLLER, INFIX, REMOTE, controller_of
from miniistiod.mesh.gateway_status import Place, gateway_status, remote_status
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.route_attachment import THE_MESH, Surroundings, attached
from miniistiod.mesh.route_status import route_status
from miniistiod.mesh.unserved_routes import INSTEAD, unserved_status

Key = tuple[str, str, str]
Objects = Mapping[str, tuple[Object[Any], ...]]


def statuses(known: Objects, mesh: Mesh) -> dict[Key, Json]:
    """The status of each object by its key. One that istiod leaves alone has none."""
    around = surroundings(known, mesh.services, mesh.settings.domain)
    found: dict[Key, Json] = {}
    for each in known.get("GatewayClass", ()):
        if each.message.controller_name in (CONTROLLER, REMOTE):
            accepted = good("Accepted", "Handled by Istio controller")
            found[each.key] = {"conditions": listed([accepted])}
    classes = {each.name: each for each in known.get("GatewayClass", ())}
    place = place_of(known, mesh)
    counts = attachments(known, around)
    for each in known.get(API_GATEWAY, ()):
        controller = controller_of(each, classes)
        if controller == CONTROLLER:
            found[each.key] = gateway_status(each, place, counts_of(each, counts))
        elif controller == REMOTE:
            found[each.key] = remote_status(each)
    for each in known.get("HTTPRoute", ()):
        found[each.key] = route_status(each, around)
    for kind in INSTEAD:
        for each in known.get(kind, ()):
            found[each.key] = unserved_status(each, around)
    return found


def place_of(known: Objects, mesh: Mesh) -> Place:
    """What Gateways find around them."""
    usable = certificates(
        known.get("Secret", ()), known.get("ConfigMap", ()), known.get("ReferenceGrant", ())
    )
    return Place(mesh.services, mesh.endpoints, usable, mesh.settings.domain)


def attachments(known: Objects, around: Surroundings) -> Counter[str]:
    """How many references of routes each listener takes, by the name it is bound under."""
    return Counter(
        parent.name
        for route in known.get("HTTPRoute", ())
        for _, parent, _ in attached(route, around)
        if parent is not THE_MESH
    )


def counts_of(gateway: Object[Any], counts: Counter[str]) -> Mapping[str, int]:
    """The counts of one Gateway's listeners by their own names."""
    prefix = f"{gateway.namespace}/{gateway.name}~{INFIX}~"
    return {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix)}
