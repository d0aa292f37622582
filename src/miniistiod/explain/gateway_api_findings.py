"""Objects of the Gateway API without their full effect: what their status says, as diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Json
from miniistiod.mesh.findings import warning
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.unserved_routes import INSTEAD, unserved

Objects = Mapping[str, tuple[Object[Any], ...]]


class WayOut(NamedTuple):
    """What one sees of a condition that does not hold, and what to write."""

    symptom: str
    remedy: str


NOT_OPEN = "this listener is left out: connections are refused"
NO_HANDSHAKE = "the listener has no certificate to show: TLS handshakes fail"
NOT_ATTACHED = "requests that only this route would take get 404 (NR)"
NO_BACKEND = "requests that take this rule get 500"
NOT_REACHED = "nobody reaches the Gateway by this address"

WAYS_OUT: Mapping[str, WayOut] = {
    "HostnameConflict": WayOut(NOT_OPEN, "give each listener of a port another hostname"),
    "ProtocolConflict": WayOut(NOT_OPEN, "give each protocol a port of its own"),
    "UnsupportedProtocol": WayOut(NOT_OPEN, "write HTTP, HTTPS, TLS or TCP"),
    "InvalidRouteKinds": WayOut(
        "routes of these kinds do not attach", "write kinds that go with the listener's protocol"
    ),
    "InvalidCertificateRef": WayOut(
        NO_HANDSHAKE, "write a Secret with tls.crt and tls.key, beside the Gateway"
    ),
    "InvalidCACertificateRef": WayOut(NO_HANDSHAKE, "name one ConfigMap or Secret with ca.crt"),
    "InvalidCACertificateKind": WayOut(NO_HANDSHAKE, "put the roots into a ConfigMap, as ca.crt"),
    "NoValidCACertificate": WayOut(NO_HANDSHAKE, "name one ConfigMap or Secret with ca.crt"),
    "InvalidClientCertificateRef": WayOut(
        "backends that want a certificate refuse the gateway: 503 (UF)",
        "write a Secret with tls.crt and tls.key",
    ),
    "RefNotPermitted": WayOut(
        "what is referred to is not used: TLS handshakes fail, or requests get 500",
        "write a ReferenceGrant in the namespace of what is referred to",
    ),
    "Invalid": WayOut(NO_HANDSHAKE, "mend the certificates of the listener"),
    "ListenersNotValid": WayOut(
        "the listeners that are not valid serve nobody", "mend them as their own conditions say"
    ),
    "NotAllowedByListeners": WayOut(
        NOT_ATTACHED, "let the route's namespace and kind in by the listener's allowedRoutes"
    ),
    "NoMatchingListenerHostname": WayOut(NOT_ATTACHED, "write a host that listener and route both have"),
    "NoMatchingParent": WayOut(NOT_ATTACHED, "correct name, sectionName or port of the parentRef"),
    "BackendNotFound": WayOut(NO_BACKEND, "correct the backend's name, or write the Service"),
    "InvalidDestination": WayOut(NO_BACKEND, "write the Service's own name and a port"),
    "InvalidKind": WayOut(NO_BACKEND, "write a Service as the backend"),
    "AddressNotUsable": WayOut(
        NOT_REACHED, "write a Service of that name and port for the Gateway's routers"
    ),
    "UnsupportedAddress": WayOut(NOT_REACHED, "write addresses of type Hostname: names of Services"),
    "DeprecatedField": WayOut(NOT_REACHED, "take out the annotation, or the addresses"),
    "InvalidParameters": WayOut(
        "the Gateway's deployment would not be made", "name a ConfigMap of the Gateway's namespace"
    ),
}
"""Reason of a condition → what one sees, and what to write."""
UNKNOWN = WayOut("the object does not have its full effect", "look into its status: `miniistiod get`")
NEGATIVE = "IST0171"
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
            yield warning(each, "spec", "not-supported", unserved(kind), NOT_ATTACHED, instead)


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
            yield warning(about, path, NEGATIVE, said, *WAYS_OUT.get(each["reason"], UNKNOWN))


def strangers(about: Object[Any], status: Json) -> Iterator[Diagnostic]:
    """parentRefs that nobody answers for."""
    answered = {reference_path(about, each["parentRef"]) for each in status["parents"]}
    for index, reference in enumerate(about.message.parent_refs):
        path = f"spec.parentRefs[{index}]"
        if path not in answered:
            where = f"{reference.namespace or about.namespace}/{reference.name}"
            said = f"there is no Gateway {where} of a class that is ours"
            remedy = "correct name and namespace of the Gateway"
            yield warning(about, path, "no-parent", said, NOT_ATTACHED, remedy)


def reference_path(about: Object[Any], parent: Json) -> str:
    """The field of the parentRef that a status is about."""
    keys = (("namespace", ""), ("sectionName", ""), ("port", 0))
    wanted = (parent["name"], *(parent.get(key, default) for key, default in keys))
    for index, each in enumerate(about.message.parent_refs):
        if (each.name, each.namespace, each.section_name, each.port) == wanted:
            return f"spec.parentRefs[{index}]"
    return "spec.parentRefs"
