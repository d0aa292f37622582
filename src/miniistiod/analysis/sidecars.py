"""Sidecars that select nobody, take in what is not there, or of which only one is obeyed."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.selections import for_all_twice, selecting_none, selecting_same
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.sidecar_pb2 import Sidecar
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.hosts import overlap


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    sidecars = world.store.of(Sidecar)
    for each in sidecars:
        yield from selecting_none(each, "spec.workloadSelector", world)
        yield from nothing_taken_in(each, world)
    yield from selecting_same(sidecars, "IST0110", world)
    yield from for_all_twice(sidecars, "IST0111")


def nothing_taken_in(each: Object[Sidecar], world: World) -> Iterator[Diagnostic]:
    """Hosts of egress listeners that no service and no VirtualService has."""
    visible = world.mesh.services.visible(each.namespace)
    rules = world.mesh.virtual_services.rules
    known = [(service.namespace, service.hostname) for service in visible]
    known += [(rule.namespace, host) for rule in rules for host in rule.message.hosts]
    for index, listener in enumerate(each.message.egress):
        for number, text in enumerate(listener.hosts):
            namespace, _, host = text.partition("/")
            wanted = each.namespace if namespace == "." else namespace
            if host == "*" or wanted == "~":
                continue
            if not any(wanted in ("*", place) and overlap(host, name) for place, name in known):
                yield message(
                    WARNING,
                    "empty-import",
                    each,
                    f"spec.egress[{index}].hosts[{number}]",
                    f"no service or VirtualService {host} is visible in "
                    f"{'any namespace' if wanted == '*' else 'namespace ' + wanted}",
                    "calls to it are to an unknown host: no policy applies, and REGISTRY_ONLY gives 502",
                    "write NAMESPACE/HOST with the full name: shop/cart.shop.svc.cluster.local",
                )
