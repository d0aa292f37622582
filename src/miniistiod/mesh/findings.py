"""What is odd in how objects fit together: references to nothing, and conflicts that one side lost.

A document by itself is checked in `config`; here is only what takes more than one of them to see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from miniistiod.api.istio.networking.virtual_service_pb2 import Destination
from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import Object
from miniistiod.mesh.destination_rules import Document as Rule
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.peer_authentications import is_wide
from miniistiod.mesh.service import Service
from miniistiod.mesh.virtual_services import MergedVirtualService


def findings(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """All of them, in the order of the kinds below."""
    return (
        *(found for vs in mesh.virtual_services.rules for found in of_virtual_service(vs, mesh)),
        *repeated_subsets(mesh),
        *second_sidecars(mesh),
        *second_policies(mesh),
    )


def of_virtual_service(vs: MergedVirtualService, mesh: Mesh) -> Iterator[Diagnostic]:
    """Destinations that lead nowhere, and delegates that are missing. Each is said once."""
    said: set[str] = set()
    for path, destination in places(vs.message):
        for found in of_destination(vs, path, destination, mesh):
            if found.message not in said:
                said.add(found.message)
                yield found
    present = {(each.namespace, each.name) for each in vs.sources}
    for index, route in enumerate(vs.origin.message.http):
        wanted = (route.delegate.namespace or vs.namespace, route.delegate.name)
        if route.HasField("delegate") and wanted not in present:
            yield warning(
                vs.origin,
                f"spec.http[{index}].delegate",
                "missing-delegate",
                f"there is no VirtualService {'/'.join(wanted)} without hosts, so this rule does nothing",
                "write that VirtualService, or take the rule out",
            )


def places(message: Message, path: str = "spec") -> Iterator[tuple[str, Destination]]:
    """Every destination in a VirtualService, with its path."""
    for field, value in message.ListFields():
        name = f"{path}.{field.json_name}"
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner = enumerate(value) if field.is_repeated else [(None, value)]
        for index, each in inner:
            here = name if index is None else f"{name}[{index}]"
            if isinstance(each, Destination):
                yield here, each
            else:
                yield from places(each, here)


def of_destination(
    vs: MergedVirtualService, path: str, destination: Destination, mesh: Mesh
) -> Iterator[Diagnostic]:
    """A host that no service has, a port that it has not, a subset that no DestinationRule defines."""
    service = seen_service(destination.host, vs.namespace, mesh)
    if service is None:
        yield warning(
            vs.origin,
            f"{path}.host",
            "IST0101",
            f"no service {destination.host} is visible in namespace {vs.namespace}: requests get 503 (NC)",
            "correct the name, or declare the host by a Service or a ServiceEntry",
        )
        return
    port = destination.port.number
    if port and service.port(port) is None:
        has = ", ".join(str(each.number) for each in service.ports)
        yield warning(
            vs.origin,
            f"{path}.port",
            "unknown-port",
            f"{destination.host} has no port {port}, only {has}: requests get 503 (NC)",
            f"write one of its ports: {has}",
        )
    if destination.subset and not has_subset(service, destination.subset, vs.namespace, mesh):
        yield warning(
            vs.origin,
            f"{path}.subset",
            "IST0101",
            f"no DestinationRule for {destination.host} that clients in namespace {vs.namespace} use defines "
            f"subset {destination.subset}: requests to it get 503 (NC)",
            f"add a DestinationRule with host {destination.host} and a subset named {destination.subset}",
        )


def seen_service(host: str, namespace: str, mesh: Mesh) -> Service | None:
    """A service of this host that clients of a namespace see: their own namespace's first."""
    services = mesh.services.of_host(host)
    own = [services[namespace]] if namespace in services else []
    return next((s for s in (*own, *services.values()) if s.visible_to(namespace)), None)


def has_subset(service: Service, subset: str, namespace: str, mesh: Mesh) -> bool:
    """Whether a rule that is in force for clients of a namespace has the subset."""
    rules = mesh.destination_rules.rules(service, namespace)
    return any(each.name == subset for rule in rules for each in rule.message.subsets)


def repeated_subsets(mesh: Mesh) -> Iterator[Diagnostic]:
    """Subsets of a second DestinationRule for a host under a name that the first has already."""
    for hosts in mesh.destination_rules.local.values():
        for rules in (*hosts.exact.values(), *hosts.wildcard.values()):
            for rule in rules:
                yield from repeated_in(rule)


def repeated_in(rule: MergedDestinationRule) -> Iterator[Diagnostic]:
    """Those of one merged rule."""
    known: dict[str, Rule] = {}
    for source in rule.sources:
        names = [subset.name for subset in source.message.subsets]
        for index, name in enumerate(names):
            if name in known:
                first = known[name]
                yield warning(
                    source,
                    f"spec.subsets[{index}]",
                    "repeated-subset",
                    f"subset {name} of {rule.message.host} stands in DestinationRule {first.name} "
                    f"({first.origin}) already, which is older and wins",
                    "give it another name, or take one of the two out",
                )
        known = {**dict.fromkeys(names, source), **known}


def second_sidecars(mesh: Mesh) -> Iterator[Diagnostic]:
    """Sidecars for a whole namespace that has an older one."""
    for namespace, sidecars in mesh.sidecars.by_namespace.items():
        wide = [each for each in sidecars if not each.message.HasField("workload_selector")]
        yield from overruled(wide, f"all workloads of namespace {namespace}", "add a workloadSelector")


def second_policies(mesh: Mesh) -> Iterator[Diagnostic]:
    """PeerAuthentications for a whole namespace that has an older one."""
    for policy in mesh.peer_authentications.overruled:
        same = mesh.peer_authentications.policies.in_namespace(policy.namespace)
        first = next(each for each in same if is_wide(each.message))
        whom = f"all workloads of namespace {policy.namespace}"
        yield from overruled([first, policy], whom, "add a selector")


def overruled(objects: list[Object[Any]], whom: str, remedy: str) -> Iterator[Diagnostic]:
    """All but the first of objects of which only the first counts."""
    for each in objects[1:]:
        first = objects[0]
        yield warning(
            each,
            "spec",
            "overruled",
            f"{first.kind.name} {first.name} ({first.origin}), for {whom} too, is older: this one is idle",
            f"{remedy}, or merge the two",
        )


def warning(about: Object[Any], path: str, code: str, message: str, remedy: str) -> Diagnostic:
    """The diagnostic, at the line of its document; `Store.place` knows the line of the path."""
    file, line = about.origin.file, about.origin.line
    return Diagnostic(Level.WARNING, code, message, remedy, file, line, 1, path, about.key)
