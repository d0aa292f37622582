"""Listener of the Gateway API → its entry in `status.listeners`: does it stand, and is what it needs there?

Source: istiod's buildListener and ReportListenerConflict.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.gatewayapi import gateway_pb2 as api
from miniistiod.mesh.certificate_references import Certificates
from miniistiod.mesh.conditions import Condition, Fault, Json, failed, joined, judged, listed
from miniistiod.mesh.gateway_listeners import (
    HTTP_LIKE,
    OWN_MODES,
    TERMINATE_MODE,
    ApiGateway,
    client_validation,
    rival,
    standing,
)
from miniistiod.mesh.reference_grants import GATEWAY_API

GOOD = "No errors found"
CONFLICT = "it conflicts with another listener of the same Gateway"
LAYER4 = ("TCP", "UDP")
NO_SUCH_KINDS = Fault("InvalidRouteKinds", "it allows routes of kinds that it cannot have")
BAD_ROOTS = ("InvalidCACertificateRef", "InvalidCACertificateKind", "RefNotPermitted")
KINDS: Mapping[str, tuple[str, ...]] = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TCP": ("TCPRoute",),
    "TLS": ("TLSRoute",),
}


def listener_status(
    gateway: ApiGateway, listener: api.Listener, certificates: Certificates, attached: int
) -> Json:
    """The entry; `attached` is how many routes it has."""
    kinds, all_known = supported_kinds(listener)
    conditions = [*conditions_of(gateway, listener, certificates)]
    if not all_known:
        conditions.append(failed("ResolvedRefs", NO_SUCH_KINDS))
    return {
        "name": listener.name,
        "supportedKinds": [{"group": GATEWAY_API, "kind": kind} for kind in kinds],
        "attachedRoutes": attached,
        "conditions": listed(conditions),
    }


def conditions_of(
    gateway: ApiGateway, listener: api.Listener, certificates: Certificates
) -> tuple[Condition, ...]:
    """Its conditions but for the kinds of its routes."""
    lost = conflict(gateway, listener)
    if lost is not None:
        won = Condition("Conflicted", True, lost.reason, lost.message)
        return failed("Accepted", lost), failed("Programmed", lost), won
    tls = tls_fault(gateway, listener, certificates)
    idle = Fault("Invalid", "Bad TLS configuration") if tls else None
    return (
        judged("Accepted", GOOD, protocol_fault(listener) or roots_fault(tls)),
        Condition("Conflicted", False, "NoConflicts", GOOD),
        judged("Programmed", GOOD, idle),
        judged("ResolvedRefs", GOOD, tls),
    )


def is_valid(gateway: ApiGateway, listener: api.Listener, certificates: Certificates) -> bool:
    """Whether it works as far as it can be told from the documents."""
    if conflict(gateway, listener) is not None or protocol_fault(listener) is not None:
        return False
    return tls_fault(gateway, listener, certificates) is None


def conflict(gateway: ApiGateway, listener: api.Listener) -> Fault | None:
    """The listener that was there before it, as a reason."""
    listeners = list(gateway.message.listeners)
    before = standing(listeners[: listeners.index(listener)])
    first = rival(listener, before)
    if first is None:
        return None
    layer4 = listener.protocol in LAYER4 and first.protocol in LAYER4
    other = layer4 or listener.protocol != first.protocol
    return Fault("ProtocolConflict" if other else "HostnameConflict", f"{CONFLICT}: {first.name}")


def protocol_fault(listener: api.Listener) -> Fault | None:
    """Why its protocol is none that gateways speak."""
    if listener.protocol in (*HTTP_LIKE, "TCP"):
        return None
    return Fault("UnsupportedProtocol", f"protocol {listener.protocol!r} is not supported")


def tls_fault(gateway: ApiGateway, listener: api.Listener, certificates: Certificates) -> Fault | None:
    """Why its TLS cannot work. Of several certificates one that works is enough."""
    tls = listener.tls
    if not listener.HasField("tls") or tls.mode == "Passthrough":
        return None
    if tls.options.get(TERMINATE_MODE, "") in OWN_MODES:
        return None
    references = tls.certificate_refs
    if len(references) > 2:
        return Fault("InvalidCertificateRef", "a listener can have two certificates at most")
    faults = [certificates.fault(each, gateway.namespace) for each in references]
    if None not in faults:
        return joined(each for each in faults if each is not None)
    validation = client_validation(gateway, listener.port)
    if validation is None:
        return None
    if len(validation.ca_certificate_refs) > 1:
        return Fault("InvalidCACertificateRef", "clients can be verified by one bundle of roots only")
    return certificates.roots_fault(validation.ca_certificate_refs[0], gateway.namespace)


def roots_fault(tls: Fault | None) -> Fault | None:
    """Roots that cannot be used keep a listener from being accepted; a certificate does not."""
    return Fault("NoValidCACertificate", tls.message) if tls and tls.reason in BAD_ROOTS else None


def supported_kinds(listener: api.Listener) -> tuple[tuple[str, ...], bool]:
    """The kinds of routes it takes, and whether it takes all those it says."""
    known = KINDS.get(listener.protocol, ())
    if listener.protocol == "TLS" and listener.HasField("tls") and listener.tls.mode != "Passthrough":
        known = (*known, "TCPRoute")
    named = listener.allowed_routes.kinds
    if not named:
        return known, True
    ours = {each.kind for each in named if not each.HasField("group") or each.group == GATEWAY_API}
    kept = tuple(kind for kind in known if kind in ours)
    return kept, len(kept) == len(named)
