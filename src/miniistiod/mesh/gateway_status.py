"""Gateway of the Gateway API → its `status`: is it accepted, and do its Service's workloads listen for it?

Source: istiod's reportGatewayStatus and ResolveGatewayInstances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from miniistiod.mesh.certificate_references import Certificates
from miniistiod.mesh.conditions import Condition, Fault, Json, good, judged, listed
from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.gateway_listeners import (
    ENCRYPTED,
    ApiGateway,
    gateway_services,
    is_managed,
    standing,
)
from miniistiod.mesh.listener_status import is_valid, listener_status
from miniistiod.mesh.service import Service
from miniistiod.mesh.services import ServiceIndex

MANAGED = "gateway.istio.io/managed"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What a Gateway finds around it."""

    services: ServiceIndex
    endpoints: EndpointIndex
    certificates: Certificates
    domain: str


@dataclass(slots=True)
class Reached:
    """The Services of a Gateway: HOST:PORT that somebody serves, addresses, and what is wrong."""

    served: list[str]
    external: list[str]
    warnings: list[str]
    pending: bool = False
    usable: bool = True


def gateway_status(gateway: ApiGateway, place: Place, attached: Mapping[str, int]) -> Json:
    """The status; `attached` counts the routes of each listener by its name."""
    hosts = gateway_services(gateway, place.domain)
    addresses = address_fault(gateway)
    listeners = gateway.message.listeners if hosts else ()
    valid = [each for each in listeners if is_valid(gateway, each, place.certificates)]
    reached = reached_services(gateway, hosts, place) if hosts else Reached([], [], [])
    conditions = [
        judged("Accepted", "Resource accepted", addresses),
        judged("Programmed", programmed(reached), idle(hosts, reached)),
        judged("ResolvedRefs", "All references resolved", client_certificate_fault(gateway, place)),
        *insecure(gateway),
    ]
    if addresses is None and len(valid) < len(gateway.message.listeners):
        conditions.append(partly_accepted(len(valid)))
    status: Json = {"conditions": listed(conditions)}
    if found := addresses_of(reached):
        status = {"addresses": found, **status}
    if listeners:
        status["listeners"] = [
            listener_status(gateway, each, place.certificates, attached.get(each.name, 0))
            for each in listeners
        ]
    return status


def address_fault(gateway: ApiGateway) -> Fault | None:
    """Addresses that are no names of Services."""
    if is_managed(gateway):
        return None
    others = [each.value for each in gateway.message.addresses if each.type not in ("", "Hostname")]
    return Fault("UnsupportedAddress", f"only host names count, not {', '.join(others)}") if others else None


def partly_accepted(valid: int) -> Condition:
    """A Gateway some of whose listeners do not work is accepted as long as one does."""
    said = "some of its listeners are not valid" if valid else "none of its listeners is valid"
    return Condition("Accepted", bool(valid), "ListenersNotValid", said)


def insecure(gateway: ApiGateway) -> list[Condition]:
    """The warning that clients need no certificate."""
    frontend = gateway.message.tls.frontend
    modes = [frontend.default.validation.mode, *(each.tls.validation.mode for each in frontend.per_port)]
    if "AllowInsecureFallback" not in modes:
        return []
    said = "clients may come without a certificate that can be verified"
    return [good("InsecureFrontendValidationMode", said, "ConfigurationChanged")]


def client_certificate_fault(gateway: ApiGateway, place: Place) -> Fault | None:
    """Why the certificate it shows to backends cannot be used."""
    backend = gateway.message.tls.backend
    if not backend.HasField("client_certificate_ref"):
        return None
    fault = place.certificates.fault(backend.client_certificate_ref, gateway.namespace)
    if fault is None or fault.reason == "RefNotPermitted":
        return fault
    return Fault("InvalidClientCertificateRef", fault.message)


def reached_services(gateway: ApiGateway, hosts: Iterable[str], place: Place) -> Reached:
    """Who serves the Gateway's ports behind its Services."""
    ports = sorted({
        each.port
        for each in standing(gateway.message.listeners)
        if each.HasField("tls") or each.protocol not in ENCRYPTED
    })  # fmt: skip
    reached = Reached([], [], [])
    for host in hosts:
        known = place.services.of_host(host)
        service = known.get(gateway.namespace)
        if service is None:
            elsewhere = f", only in namespace {', '.join(sorted(known))}" if known else ""
            reached.warnings.append(f"there is no Service {host}{elsewhere}")
            reached.usable = False
            continue
        for port in ports:
            _reach(reached, service, port, place)
    return reached


def _reach(reached: Reached, service: Service, number: int, place: Place) -> None:
    """Look for workloads that serve one port of a Service."""
    endpoints, port = place.endpoints.of(service), service.port(number)
    if port is not None and endpoints.at(port):
        reached.served.append(f"{service.hostname}:{number}")
        reached.external += [each for each in service.external_addresses if each not in reached.external]
        if not service.external_addresses and service.origin.message.spec.type == "LoadBalancer":
            reached.pending = True
            reached.warnings.append(f"the load balancer of {service.hostname} has no address yet")
    elif not endpoints.all:
        reached.warnings.append(f"no workload is behind {service.hostname}")
    elif not (MANAGED in service.labels and port is not None):
        by_target = [p for p in service.ports if any(e.port == number for e in endpoints.at(p))]
        hint = f"; write the Service's port {by_target[0].number}, which leads there" if by_target else ""
        reached.warnings.append(f"{service.hostname} has no port {number}{hint}")
        reached.usable = False


def programmed(reached: Reached) -> str:
    """What is said of a Gateway that works."""
    where = ", ".join(sorted(reached.served))
    return f"Resource programmed, assigned to service(s) {where}" if where else "Resource programmed"


def idle(hosts: list[str], reached: Reached) -> Fault | None:
    """Why nobody, or not everybody who should, listens for the Gateway."""
    if not hosts:
        return Fault("UnsupportedAddress", "it has no address that can be used")
    if not reached.warnings:
        return None
    said = "; ".join(sorted(dict.fromkeys(reached.warnings)))
    return Fault("AddressNotAssigned" if reached.usable else "AddressNotUsable", said)


def addresses_of(reached: Reached) -> list[Json]:
    """Where it can be reached: by external addresses, else by its Services' names."""
    if reached.external:
        found = sorted(reached.external)
        return [{"type": "IPAddress" if _is_ip(each) else "Hostname", "value": each} for each in found]
    if reached.pending:
        return []
    hosts = dict.fromkeys(each.rpartition(":")[0] for each in sorted(reached.served))
    return [{"type": "Hostname", "value": each} for each in hosts]


def _is_ip(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
