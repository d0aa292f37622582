"""The client's TLS mode (DestinationRule) against the server's (PeerAuthentication); idle policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.analysis.authorizations import in_reach, listened
from miniistiod.analysis.destination_rules import policies
from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings, DestinationRule
from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.hosts import full_name
from miniistiod.mesh.peer_authentications import PERMISSIVE, is_wide, mode
from miniistiod.mesh.policies import selected
from miniistiod.mesh.service import Registry, Service

MISMATCHES: dict[tuple[int, str], tuple[str, str]] = {
    (ClientTLSSettings.DISABLE, "STRICT"): (
        "clients send plain text to servers that take only mutual TLS",
        "503 (UC): connection reset",
    ),
    (ClientTLSSettings.SIMPLE, "STRICT"): (
        "clients bring no certificate to servers that ask for one",
        "503 (UF): TLS handshake fails",
    ),
    (ClientTLSSettings.ISTIO_MUTUAL, "DISABLE"): (
        "clients send mutual TLS to servers that take only plain text",
        "503 (UF): TLS handshake fails",
    ),
}
"""(client's mode, server's mode) → what goes wrong, and what one sees."""


def analyser(world: World) -> Iterator[Diagnostic]:
    """Modes that cannot meet, and policies that an older one overrules."""
    for rule in world.store.of(DestinationRule):
        host = full_name(rule.message.host, rule.namespace, world.mesh.settings.domain)
        service = world.service(host, rule.namespace)
        if service is not None and service.registry is Registry.KUBERNETES:
            yield from against(rule, service, world)
    yield from overruled(world)
    for each in world.store.of(PeerAuthentication):
        yield from ports_of_services(each, world)


def against(rule: Object[DestinationRule], service: Service, world: World) -> Iterator[Diagnostic]:
    """Each TLS setting of a rule, against the mode of the servers' ports."""
    settings: list[tuple[str, Any, int]] = []
    for place, policy in policies(rule):
        settings.append((f"{place}.tls", policy, 0))
        for index, each in enumerate(policy.port_level_settings):
            settings.append((f"{place}.portLevelSettings[{index}].tls", each, each.port.number))
    for path, part, number in settings:
        if not part.HasField("tls"):
            continue
        for port in service.ports:
            server = server_mode(service, port.target or port.number, world)
            if number in (0, port.number) and (part.tls.mode, server) in MISMATCHES:
                what, symptom = MISMATCHES[part.tls.mode, server]
                client = ClientTLSSettings.TLSmode.Name(part.tls.mode)
                cause = (
                    f"tls.mode {client} for {rule.message.host}, whose PeerAuthentication is {server}: {what}"
                )
                remedy = "take tls out of the DestinationRule (auto mTLS does right), or set the other mode"
                yield message(ERROR, "mtls-mismatch", rule, f"{path}.mode", cause, symptom, remedy)
                break


def server_mode(service: Service, port: int | str, world: World) -> str:
    """What the workloads of a service take on a port: by the workload's policy, then the namespace's."""
    found = world.mesh.peer_authentications.namespace_mode(service.namespace) or PERMISSIVE
    for policy in world.mesh.peer_authentications.policies.in_namespace(service.namespace):
        labels = policy.message.selector.match_labels
        if not is_wide(policy.message) and service.selector and selected(labels, service.selector):
            found = mode(policy.message.mtls.mode) or found
            by_port = policy.message.port_level_mtls
            if isinstance(port, int) and port in by_port:
                found = mode(by_port[port].mode) or found
            break
    return found


def overruled(world: World) -> Iterator[Diagnostic]:
    """PeerAuthentications for a whole namespace that has an older one."""
    for policy in world.mesh.peer_authentications.overruled:
        same = world.mesh.peer_authentications.policies.in_namespace(policy.namespace)
        first: Object[PeerAuthentication] = next(each for each in same if is_wide(each.message))
        yield message(
            WARNING,
            "overruled",
            policy,
            "spec",
            f"PeerAuthentication {first.name} ({first.origin}) is for all of {policy.namespace} too, "
            "and older",
            "this one is idle",
            "add a selector, or merge the two",
        )


def ports_of_services(policy: Object[PeerAuthentication], world: World) -> Iterator[Diagnostic]:
    """portLevelMtls for the port of a Service where the workload's own is another."""
    if not policy.message.port_level_mtls:
        return
    meant = [each for each in world.workloads if in_reach(policy, each, world)]
    own = {port for workload in meant for port in listened(workload, world)}
    dialled = {
        str(port.number): service
        for workload in meant
        for service in world.mesh.services.all
        if service.namespace == workload.namespace and service.selector and workload.carries(service.selector)
        for port in service.ports
    }
    for number in sorted(policy.message.port_level_mtls):
        service = dialled.get(str(number))
        if service is not None and str(number) not in own:
            yield message(
                WARNING,
                "unknown-port",
                policy,
                f'spec.portLevelMtls["{number}"]',
                f"{number} is a port of Service {service.name}; the workload has {', '.join(sorted(own))}",
                "the mode of the whole workload counts for that Service, not this one",
                "write the port of the workload (targetPort), not the Service's",
            )
