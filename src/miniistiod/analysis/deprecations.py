"""Fields of rules that work, and that Istio has a better one for."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.config.diagnostics import Diagnostic


def analyser(world: World) -> Iterator[Diagnostic]:
    """Delays by their whole percent."""
    for rule in world.store.of(VirtualService):
        for index, route in enumerate(rule.message.http):
            if route.fault.delay.percent:
                yield message(
                    WARNING,
                    "IST0002",
                    rule,
                    f"spec.http[{index}].fault.delay.percent",
                    "fault.delay.percent is deprecated",
                    "it still works; a later version may drop it, and then no request is delayed",
                    f"write percentage: {{value: {route.fault.delay.percent}}}",
                )
