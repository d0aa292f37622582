"""Objects of the Gateway API without their full effect: what their status says, as diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Json
from miniistiod.mesh.findings import warning
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.unserved_routes import INSTEAD, unserved

Objects = Mapping[str, tuple[Object[Any], ...]]
REMEDIES = {
    "HostnameConflict": "give each listener of a port another hostname",
    "ProtocolConflict": "give each protocol a port of its own",
    "InvalidCertificateRef": "write a Secret with tls.crt and tls.key, beside the Gateway",
    "RefNotPermitted": "write a ReferenceGrant in the namespace of what is referred to",
    "UnsupportedProtocol": "write HTTP, HTTPS, TLS or TCP",
    "InvalidRouteKinds": "write kinds that go with the listener's protocol",
    "NotAllowedByListeners": "let the route's namespace and kind in by the listener's allowedRoutes",
    "NoMatchingListenerHostname": "write a host that listener and route both have",
    "NoMatchingParent": "correct name, sectionName or port of the parentRef",
    "BackendNotFound": "correct the backend's name, or write the Service",
    "InvalidDestination": "write the Service's own name and a port",
    "InvalidKind": "write a Service as the backend",
    "AddressNotUsable": "write a Service of that name and port for the Gateway's routers",
    "UnsupportedAddress": "write addresses of type Hostname: names of Services",
}
PASSING = ("AddressNotAssigned",)
"""Reasons that only say what does not run yet."""
GOOD = {"Conflicted": "False"}
"""Conditions whose good status is not True."""


def gateway_api_findings(known: Objects, mesh: Mesh) -> Iterator[Diagnostic]:
    """Kinds that are left out, then each condition that does not hold."""
    yield from left_out(known)
    objects = {each.key: each for kind in known.values() for each in kind}
    for key, status in statuses(known, mesh).items():
        yield from of_status(objects[key], status)


def left_out(known: Objects) -> Iterator[Diagnostic]:
    """Routes of kinds that take no effect."""
    for kind, instead in INSTEAD.items():
        for each in known.get(kind, ()):
            yield warning(each, "spec", "not-supported", unserved(kind), instead)


def of_status(about: Object[Any], status: Json) -> Iterator[Diagnostic]:
    """What is wrong in one status; a reason that two conditions give is said once."""
    places = [("spec", status.get("conditions", ()))]
    for index, each in enumerate(status.get("listeners", ())):
        places.append((f"spec.listeners[{index}]", each["conditions"]))
    if about.kind.name == "HTTPRoute":
        places += [(reference_path(about, e["parentRef"]), e["conditions"]) for e in status["parents"]]
        yield from strangers(about, status)
    for path, conditions in places:
        failing = [c for c in conditions if c["status"] != GOOD.get(c["type"], "True")]
        lasting = (c for c in failing if c["reason"] not in PASSING)
        for each in {c["message"]: c for c in lasting}.values():
            said = f"{each['type']} is {each['status']} ({each['reason']}): {each['message']}"
            yield warning(about, path, each["reason"], said, REMEDIES.get(each["reason"], ""))


def strangers(about: Object[Any], status: Json) -> Iterator[Diagnostic]:
    """parentRefs that nobody answers for."""
    answered = {reference_path(about, each["parentRef"]) for each in status["parents"]}
    for index, reference in enumerate(about.message.parent_refs):
        path = f"spec.parentRefs[{index}]"
        if path not in answered:
            where = f"{reference.namespace or about.namespace}/{reference.name}"
            said = f"there is no Gateway {where} of a class that is ours: the route has no effect by it"
            yield warning(about, path, "NoMatchingParent", said, "correct name and namespace of the Gateway")


def reference_path(about: Object[Any], parent: Json) -> str:
    """The field of the parentRef that a status is about."""
    keys = (("namespace", ""), ("sectionName", ""), ("port", 0))
    wanted = (parent["name"], *(parent.get(key, default) for key, default in keys))
    for index, each in enumerate(about.message.parent_refs):
        if (each.name, each.namespace, each.section_name, each.port) == wanted:
            return f"spec.parentRefs[{index}]"
    return "spec.parentRefs"
