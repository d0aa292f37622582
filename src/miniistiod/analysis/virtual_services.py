"""VirtualServices beside each other: one host in two of them, delegates, and weights."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import ERROR, INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.mesh.delegates import delegated
from miniistiod.mesh.hosts import is_wildcard, overlap
from miniistiod.mesh.virtual_services import MESH, MergedVirtualService, export_to, resolved


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    rules = [each for each in world.mesh.virtual_services.rules if not each.gateway_api]
    yield from same_hosts(rules)
    for each in rules:
        yield from missing_delegates(each)
        yield from lost_delegates(each, world)
        yield from weights(each)


def same_hosts(rules: list[MergedVirtualService]) -> Iterator[Diagnostic]:
    """Two rules of the mesh gateway for one host that one client sees: only the older is obeyed."""
    holders: dict[str, list[MergedVirtualService]] = {}
    for rule in rules:
        if MESH in rule.gateways:
            for host in rule.message.hosts:
                holders.setdefault(host, []).append(rule)
    wide = [host for host in holders if is_wildcard(host)]
    for host, several in holders.items():
        for rule in several:
            others = [o for o in several if o is not rule and meet(o.export_to, rule.export_to)]
            others += overlapping(rule, host, wide if not is_wildcard(host) else list(holders), holders)
            if others:
                names = ", ".join(dict.fromkeys(f"{o.namespace}/{o.name}" for o in others))
                yield message(
                    ERROR,
                    "IST0109",
                    rule.origin,
                    "spec.hosts",
                    f"VirtualServices {rule.namespace}/{rule.name} and {names} are for {host} in the mesh",
                    "sidecars obey only the oldest, the others do nothing",
                    "merge them into one",
                )


def overlapping(
    rule: MergedVirtualService, host: str, hosts: list[str], holders: dict[str, list[MergedVirtualService]]
) -> list[MergedVirtualService]:
    """Rules with a wildcard over the host, where one is for every namespace and the other for some.

    Two that are both for every namespace, or both for some, are told apart: the exact host is the better one.
    """
    return [
        other
        for each in hosts
        if each != host and overlap(each, host)
        for other in holders[each]
        if other is not rule and ("*" in other.export_to) != ("*" in rule.export_to)
    ]


def meet(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of namespaces have one in common."""
    return bool("*" in one | other or one & other)


def missing_delegates(rule: MergedVirtualService) -> Iterator[Diagnostic]:
    """Delegates that are not there."""
    present = {(each.namespace, each.name) for each in rule.sources}
    for index, route in enumerate(rule.origin.message.http):
        wanted = (route.delegate.namespace or rule.namespace, route.delegate.name)
        if route.HasField("delegate") and wanted not in present:
            yield message(
                WARNING,
                "missing-delegate",
                rule.origin,
                f"spec.http[{index}].delegate",
                f"there is no VirtualService {'/'.join(wanted)} without hosts, so this rule does nothing",
                "requests fall to the next rule, or get 404 (NR)",
                "write that VirtualService, or take the rule out",
            )


def lost_delegates(rule: MergedVirtualService, world: World) -> Iterator[Diagnostic]:
    """Delegates that are there and not used: not exported, or with matches outside of the root's."""
    delegates = {(each.namespace, each.name): each for each in rule.sources[1:]}
    domain = world.mesh.settings.domain
    for index, route in enumerate(resolved(rule.origin, domain).http if delegates else ()):
        named = (route.delegate.namespace or rule.namespace, route.delegate.name)
        delegate = delegates.get(named) if route.HasField("delegate") else None
        if delegate is None:
            continue
        if not {"*", rule.namespace} & export_to(delegate, world.mesh.settings):
            yield message(
                WARNING,
                "missing-delegate",
                rule.origin,
                f"spec.http[{index}].delegate",
                f"the delegate {'/'.join(named)} is not exported to namespace {rule.namespace}",
                "this rule does nothing: requests fall to the next rule, or get 404 (NR)",
                f"add {rule.namespace} to exportTo of the delegate",
            )
            continue
        for number, leaf in enumerate(resolved(delegate, domain).http):
            if not any(delegated(route, [leaf])):
                yield message(
                    WARNING,
                    "delegate-conflict",
                    delegate,
                    f"spec.http[{number}].match",
                    f"a match is not part of what VirtualService {rule.namespace}/{rule.name} "
                    f"(spec.http[{index}]) hands on",
                    "the rule is left out under that root: requests take another rule, or get 404 (NR)",
                    "let every match narrow the root's: /reviews/v1 under /reviews",
                )


def weights(rule: MergedVirtualService) -> Iterator[Diagnostic]:
    """Weights that are no percentages: Envoy takes them as shares of their sum."""
    body: VirtualService = rule.origin.message
    for protocol in ("http", "tls", "tcp"):
        for index, route in enumerate(getattr(body, protocol)):
            total = sum(to.weight for to in route.route)
            if len(route.route) > 1 and total not in (0, 100):
                shares = ", ".join(f"{100 * to.weight / total:.0f} %" for to in route.route)
                yield message(
                    INFO,
                    "weights",
                    rule.origin,
                    f"spec.{protocol}[{index}].route",
                    f"the weights sum to {total}, not 100",
                    f"the destinations get {shares} of the requests",
                    "write weights that sum to 100",
                )
