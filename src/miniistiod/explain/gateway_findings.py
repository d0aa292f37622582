"""Gateways that do not do what they say: nobody serves them, ports lead nowhere, no Secret, conflicts.

The codes are istioctl's where it has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from miniistiod.api.istio.networking.gateway_pb2 import Gateway, Server, ServerTLSSettings
from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import Object
from miniistiod.explain.gateway_conflicts import Router, conflicts
from miniistiod.mesh.certificate_references import usable
from miniistiod.mesh.findings import finding, warning
from miniistiod.mesh.gateway_listeners import SERVICE
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.policies import selected
from miniistiod.mesh.service import Service
from miniistiod.translate.secret.material import roots, secret_data
from miniistiod.vocab.sds import CA_SUFFIX

Objects = Mapping[str, tuple[Object[Any], ...]]
MUTUAL = (ServerTLSSettings.MUTUAL, ServerTLSSettings.OPTIONAL_MUTUAL)
KUBERNETES = "kubernetes://"


NO_HANDSHAKE = "the listener waits for the Secret: TLS handshakes fail"


class Fault(NamedTuple):
    """What is wrong with a Secret, in the words of a finding."""

    code: str
    cause: str
    symptom: str
    remedy: str


def gateway_findings(known: Objects, mesh: Mesh) -> Iterator[Diagnostic]:
    """All that is wrong with Istio's Gateways. Those made of the Gateway API have their status."""
    routers = workloads(known, mesh)
    chosen: dict[Router, None] = {}
    for gateway in mesh.gateways:
        if SERVICE in gateway.annotations:
            continue
        own = [each for each in routers if selected(gateway.message.selector, dict(each.labels))]
        if not own:
            yield unserved(gateway)
            continue
        chosen.update(dict.fromkeys(own if gateway.message.selector else ()))
        for index, server in enumerate(gateway.message.servers):
            path = f"spec.servers[{index}]"
            yield from ports(gateway, server, path, own, mesh)
            yield from secrets(gateway, server, path, own, mesh)
    yield from conflicts(chosen, routers, mesh)


def workloads(known: Objects, mesh: Mesh) -> list[Router]:
    """Every workload there is, or is to be: Pods, Deployments, connected proxies."""
    found = [(each.namespace, each.labels) for each in known.get("Pod", ())]
    found += [(each.namespace, each.labels) for each in mesh.workloads.all]
    found += [(d.namespace, d.message.spec.template.metadata.labels) for d in known.get("Deployment", ())]
    return list(dict.fromkeys(Router(place, tuple(sorted(labels.items()))) for place, labels in found))


def unserved(gateway: Object[Gateway]) -> Diagnostic:
    """No workload has the labels."""
    wanted = ", ".join(f"{key}={value}" for key, value in sorted(gateway.message.selector.items()))
    return finding(
        Level.ERROR,
        gateway,
        "spec.selector",
        "IST0101",
        f"no workload has the labels {wanted}",
        "nobody listens for this Gateway: connections are refused, or requests get 404 (NR)",
        "write the labels of your gateway's Pods, e.g. istio: ingressgateway",
    )


def ports(
    gateway: Object[Gateway], server: Server, path: str, routers: list[Router], mesh: Mesh
) -> Iterator[Diagnostic]:
    """A port that no Service of the gateway has, neither as its own nor as that of the workload."""
    services = [service for router in routers for service in services_of(router, mesh)]
    has = {port.number for each in services for port in each.ports}
    targets = {port.target or port.number for each in services for port in each.ports}
    if server.port.number not in has | targets:
        known = ", ".join(str(number) for number in sorted(has)) or "none"
        yield warning(
            gateway,
            f"{path}.port.number",
            "IST0162",
            f"no Service of the gateway has port {server.port.number} (they have {known})",
            "it listens there, but who dials the Service does not come in: connections are refused",
            "add the port to the gateway's Service, or write one of its ports",
        )


def services_of(router: Router, mesh: Mesh) -> list[Service]:
    """The Services that lead to a router."""
    found = (each for each in mesh.services.all if each.namespace == router.namespace and each.selector)
    return [each for each in found if selected(each.selector, dict(router.labels))]


def secrets(
    gateway: Object[Gateway], server: Server, path: str, routers: list[Router], mesh: Mesh
) -> Iterator[Diagnostic]:
    """Secrets that are not there, stand in another namespace, or do not hold what is needed."""
    tls = server.tls
    several = bool(tls.credential_names)
    for index, name in enumerate(
        tls.credential_names or ([tls.credential_name] if tls.credential_name else ())
    ):
        here = f"{path}.tls.credentialNames[{index}]" if several else f"{path}.tls.credentialName"
        short = name.removeprefix(KUBERNETES)
        for namespace in sorted({router.namespace for router in routers}) if "://" not in short else ():
            fault = secret_fault(short, namespace, tls.mode in MUTUAL, mesh)
            if fault is not None:
                yield finding(Level.ERROR, gateway, here, *fault)


def secret_fault(name: str, namespace: str, mutual: bool, mesh: Mesh) -> Fault | None:
    """What is wrong with one Secret of a gateway's namespace; None when it is good."""
    secret = mesh.secrets.get((namespace, name))
    if secret is None:
        elsewhere = sorted(place for place, other in mesh.secrets if other == name)
        hint = f"; there is one in namespace {', '.join(elsewhere)}" if elsewhere else ""
        cause = f"there is no Secret {namespace}/{name}{hint}"
        return Fault(
            "IST0101", cause, NO_HANDSHAKE, f"put it into namespace {namespace}, where the gateway runs"
        )
    if not usable(secret):
        cause = f"Secret {namespace}/{name} ({secret.origin}) does not hold a certificate and its key"
        return Fault("IST0161", cause, NO_HANDSHAKE, "write tls.crt and tls.key of one pair")
    separate = mesh.secrets.get((namespace, f"{name}{CA_SUFFIX}"))
    if mutual and roots(secret_data((separate or secret).message)) is None:
        cause = f"Secret {namespace}/{name} has no ca.crt, and there is no {name}{CA_SUFFIX}"
        remedy = f"add the clients' roots as ca.crt, or write a Secret {name}{CA_SUFFIX}"
        return Fault("IST0161", cause, NO_HANDSHAKE, remedy)
    return None
