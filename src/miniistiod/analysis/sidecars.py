"""Sidecars that select nobody, or of which only one is obeyed."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.selections import for_all_twice, selecting_none, selecting_same
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.sidecar_pb2 import Sidecar
from miniistiod.config.diagnostics import Diagnostic


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    sidecars = world.store.of(Sidecar)
    for each in sidecars:
        yield from selecting_none(each, "spec.workloadSelector", world)
    yield from selecting_same(sidecars, "IST0110", world)
    yield from for_all_twice(sidecars, "IST0111")
