"""Gateway of the Gateway API → its `status`: is it accepted, and do its Service's workloads listen for it?

Source: istiod's reportGatewayStatus and ResolveGatewayInstances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
from miniistiod.mesh.service import UNSPECIFIED, Registry, Service
from miniistiod.mesh.services import ServiceIndex

MANAGED = "gateway.istio.io/managed"
ADDRESS_TYPE = "networking.istio.io/address-type"
SERVICE_TYPE = "networking.istio.io/service-type"
HOSTNAME, IP = "Hostname", "IPAddress"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What a Gateway finds around it."""

    services: ServiceIndex
    endpoints: EndpointIndex
    certificates: Certificates
    domain: str


@dataclass(slots=True)
class Reached:
    """The Services of a Gateway: HOST:PORT that somebody serves, addresses, what is wrong, and the hosts
    whose load balancer has no address yet."""

    served: list[str] = field(default_factory=list)
    internal: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    pending: set[str] = field(default_factory=set)
    usable: bool = True


def gateway_status(gateway: ApiGateway, place: Place, attached: Mapping[str, int]) -> Json:
    """The status; `attached` counts the routes of each listener by its name."""
    hosts = gateway_services(gateway, place.domain)
    fault = address_fault(gateway) or (parameters_fault(gateway, place) if hosts else None)
    listeners = gateway.message.listeners if hosts else ()
    valid = [each for each in listeners if is_valid(gateway, each, place.certificates)]
    reached = reached_services(gateway, hosts, place) if hosts else Reached()
    conditions = [
        judged("Accepted", "Resource accepted", fault),
        judged("Programmed", programmed(reached), idle(hosts, reached)),
        judged("ResolvedRefs", "All references resolved", client_certificate_fault(gateway, place)),
        *insecure(gateway),
    ]
    if fault is None and len(valid) < len(gateway.message.listeners):
        conditions.append(partly_accepted(len(valid)))
    status: Json = {"conditions": listed(conditions)}
    if found := addresses_of(gateway, reached):
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
    others = [each.value for each in gateway.message.addresses if each.type != HOSTNAME]
    if others:
        return Fault("UnsupportedAddress", f"only host names count, not {', '.join(others)}")
    if SERVICE_TYPE in gateway.annotations:
        return Fault("DeprecatedField", f"the annotation {SERVICE_TYPE} is for a Gateway without addresses")
    return None


def parameters_fault(gateway: ApiGateway, place: Place) -> Fault | None:
    """Why the parameters for its deployment cannot be used."""
    if not gateway.message.infrastructure.HasField("parameters_ref"):
        return None
    wanted = gateway.message.infrastructure.parameters_ref
    if (wanted.group, wanted.kind) != ("", "ConfigMap"):
        said = f"parameters are in a ConfigMap, not in a {wanted.kind} of group {wanted.group!r}"
        return Fault("InvalidParameters", said)
    if (gateway.namespace, wanted.name) in place.certificates.config_maps:
        return None
    return Fault("InvalidParameters", f"there is no ConfigMap {gateway.namespace}/{wanted.name}")


def remote_status(gateway: ApiGateway) -> Json:
    """The status of a Gateway that stands for routers elsewhere: where they are."""
    status: Json = {
        "conditions": listed(
            [good("Accepted", "Resource accepted"), good("Programmed", "it is remote: nobody here serves it")]
        )
    }
    addresses = [{"type": each.type or IP, "value": each.value} for each in gateway.message.addresses]
    return {"addresses": addresses, **status} if addresses else status


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
    reached = Reached()
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
        reached.internal.update(each for each in service.addresses if each != UNSPECIFIED)
        reached.external.update(service.external_addresses)
        if not service.external_addresses and is_balanced(service):
            reached.pending.add(service.hostname)
            reached.warnings.append(f"the load balancer of {service.hostname} has no address yet")
    elif not endpoints.all:
        reached.warnings.append(f"no workload is behind {service.hostname}")
    elif not (MANAGED in service.labels and port is not None):
        by_target = [p for p in service.ports if any(e.port == number for e in endpoints.at(p))]
        hint = f"; write the Service's port {by_target[0].number}, which leads there" if by_target else ""
        reached.warnings.append(f"{service.hostname} has no port {number}{hint}")
        reached.usable = False


def is_balanced(service: Service) -> bool:
    """Whether a load balancer is to stand before it."""
    kubernetes = service.registry is Registry.KUBERNETES
    return kubernetes and service.origin.message.spec.type == "LoadBalancer"


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


def addresses_of(gateway: ApiGateway, reached: Reached) -> list[Json]:
    """Where it can be reached: by external addresses, else by its Services' names, or by their own addresses
    when an annotation says so."""
    found = sorted(reached.external)
    if not found:
        wanted = gateway.annotations.get(ADDRESS_TYPE, HOSTNAME)
        hosts = dict.fromkeys(each.rpartition(":")[0] for each in sorted(reached.served))
        found += sorted(reached.internal) if wanted != HOSTNAME else []
        found += [each for each in hosts if each not in reached.pending] if wanted != IP else []
    return [{"type": IP if _is_ip(each) else HOSTNAME, "value": each} for each in found]


def _is_ip(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
