"""Subsets that sidecars send to and a gateway does not: its VirtualService is a rule of its own."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.hosts import full_name
from miniistiod.mesh.virtual_services import MESH

Rule = Object[VirtualService]


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each route of a gateway to a host whose own VirtualService sends to subsets."""
    divided = {host: rule for rule in world.store.of(VirtualService) for host in divided_by(rule, world)}
    for rule in world.store.of(VirtualService):
        if not [each for each in rule.message.gateways if each != MESH]:
            continue
        for path, host in undivided(rule, world):
            other = divided.get(host)
            if other is not None and other is not rule:
                yield message(
                    WARNING,
                    "IST0140",
                    rule,
                    path,
                    f"VirtualService {other.namespace}/{other.name} sends {host} to subsets, this does not",
                    "requests through the gateway reach every version: the other rule is for sidecars only",
                    "write the same subsets here, or the gateway into the other's `gateways`",
                )


def divided_by(rule: Rule, world: World) -> Iterator[str]:
    """The hosts that a rule is for and itself sends to subsets of."""
    domain = world.mesh.settings.domain
    own = {full_name(host, rule.namespace, domain) for host in rule.message.hosts}
    for route in rule.message.http:
        for to in route.route:
            host = full_name(to.destination.host, rule.namespace, domain)
            if to.destination.subset and host in own:
                yield host


def undivided(rule: Rule, world: World) -> Iterator[tuple[str, str]]:
    """The destinations of a rule without a subset, each with its path."""
    for index, route in enumerate(rule.message.http):
        for number, to in enumerate(route.route):
            if not to.destination.subset:
                path = f"spec.http[{index}].route[{number}].destination"
                yield path, full_name(to.destination.host, rule.namespace, world.mesh.settings.domain)
