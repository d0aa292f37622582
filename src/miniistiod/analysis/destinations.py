"""Destinations of VirtualServices that lead nowhere: host, port, subset; short names read elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.virtual_service_pb2 import Destination, VirtualService
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.hosts import full_name
from miniistiod.mesh.service import Service

Rule = Object[VirtualService]


def analyser(world: World) -> Iterator[Diagnostic]:
    """What is wrong with the destinations of each VirtualService."""
    for rule in world.store.of(VirtualService):
        for path, destination in places(rule.message):
            yield from of_destination(rule, path, destination, world)


def places(body: Message, path: str = "spec") -> Iterator[tuple[str, Destination]]:
    """Every destination in a message, with its path."""
    for field, value in body.ListFields():
        name = f"{path}.{field.json_name}"
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner: Any = enumerate(value) if field.is_repeated else [(None, value)]
        for index, each in inner:
            here = name if index is None else f"{name}[{index}]"
            if isinstance(each, Destination):
                yield here, each
            else:
                yield from places(each, here)


def of_destination(rule: Rule, path: str, to: Destination, world: World) -> Iterator[Diagnostic]:
    """A host that no service has, a port that it lacks or that is not told, a subset nobody defines."""
    host = full_name(to.host, rule.namespace, world.mesh.settings.domain)
    service = world.service(host, rule.namespace)
    if service is None:
        yield from no_host(rule, path, to.host, host, world)
        return
    yield from ports(rule, path, to, service)
    rules = world.mesh.destination_rules.rules(service, rule.namespace)
    defined = {subset.name for each in rules for subset in each.message.subsets}
    if to.subset and to.subset not in defined:
        known = f"has the subsets {', '.join(sorted(defined))}" if defined else "has no subsets"
        cause = f"no DestinationRule defines subset {to.subset} of {to.host} (it {known})"
        remedy = f"add a DestinationRule with host {to.host} and a subset named {to.subset}"
        yield message(ERROR, "IST0101", rule, f"{path}.subset", cause, "requests to it get 503 (NC)", remedy)


def no_host(rule: Rule, path: str, written: str, host: str, world: World) -> Iterator[Diagnostic]:
    """There is no such service; perhaps there is one elsewhere, or the outside is shut."""
    symptom = "requests get 503 (NC)"
    cause = f"no service {host} is visible in namespace {rule.namespace}"
    remedy = "correct the name, or declare the host by a Service or a ServiceEntry"
    elsewhere = [s for s in world.mesh.services.all if s.name == written and "." not in written]
    code, path = "IST0101", f"{path}.host"
    yield message(ERROR, code, rule, path, cause, symptom, remedy)
    if elsewhere:
        there = elsewhere[0]
        cause = f"the short name {written} means {host}, since the VirtualService is in {rule.namespace}"
        remedy = f"write {there.hostname}, the {written} of namespace {there.namespace}"
        yield message(WARNING, "short-name", rule, path, cause, symptom, remedy)
    elif "." in written and registry_only(world):
        cause = f"the mesh is REGISTRY_ONLY and no ServiceEntry declares {written}"
        remedy = f"add a ServiceEntry with host {written}"
        yield message(WARNING, "missing-service-entry", rule, path, cause, "requests get 502 or 503", remedy)


def registry_only(world: World) -> bool:
    """Whether proxies may not call what nobody declared."""
    policy = world.mesh.settings.config.outbound_traffic_policy
    return bool(policy.mode == MeshConfig.OutboundTrafficPolicy.REGISTRY_ONLY)


def ports(rule: Rule, path: str, to: Destination, service: Service) -> Iterator[Diagnostic]:
    """A port the service lacks; several ports and none chosen."""
    number, has = to.port.number, ", ".join(str(each.number) for each in service.ports)
    if number and service.port(number) is None:
        cause, remedy = f"{to.host} has no port {number}, only {has}", f"write one of its ports: {has}"
        yield message(ERROR, "IST0101", rule, f"{path}.port", cause, "requests get 503 (NC)", remedy)
    if not number and len(service.ports) > 1:
        cause = f"{to.host} has the ports {has}, and none is chosen"
        symptom = "a sidecar takes the port that was called; at a gateway requests get 503 (NC)"
        yield message(ERROR, "IST0112", rule, path, cause, symptom, f"write port.number: one of {has}")
