"""Telemetries that select nobody, or of which one is obeyed; missing and deprecated providers."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.selections import for_all_twice, selecting_none, selecting_same
from miniistiod.analysis.world import World
from miniistiod.api.istio.telemetry.telemetry_pb2 import Telemetry
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object

BUILT_IN = {"prometheus", "stackdriver", "envoy"}
"""Providers that Istio's default MeshConfig has."""


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    telemetries = world.store.of(Telemetry)
    for each in telemetries:
        yield from selecting_none(each, "spec.selector", world)
        yield from no_provider(each, world)
        yield from odd_providers(each, world)
    yield from selecting_same(telemetries, "IST0159", world)
    yield from for_all_twice((t for t in telemetries if not t.message.targetRefs), "IST0160")


def no_provider(each: Object[Telemetry], world: World) -> Iterator[Diagnostic]:
    """Access logging without a provider where the mesh has no default."""
    if world.mesh.settings.config.default_providers.access_logging:
        return
    for index, logging in enumerate(each.message.access_logging):
        if not logging.disabled.value and not logging.providers:
            yield message(
                WARNING,
                "IST0157",
                each,
                f"spec.accessLogging[{index}]",
                "no provider is named and the mesh has no default one",
                "nothing is logged by it",
                "add providers: [{name: envoy}], or MeshConfig.defaultProviders.accessLogging",
            )


def odd_providers(each: Object[Telemetry], world: World) -> Iterator[Diagnostic]:
    """Providers that MeshConfig does not have, or has in a form that is going away."""
    known = {p.name: p for p in world.mesh.settings.config.extension_providers}
    for field in ("tracing", "metrics", "access_logging"):
        for index, part in enumerate(getattr(each.message, field)):
            for number, named in enumerate(part.providers):
                name = "accessLogging" if field == "access_logging" else field
                path = f"spec.{name}[{index}].providers[{number}]"
                if named.name not in known and named.name not in BUILT_IN:
                    yield message(
                        ERROR,
                        "unknown-provider",
                        each,
                        path,
                        f"MeshConfig has no extension provider {named.name}",
                        f"{name} by it does nothing",
                        f"write one of {', '.join(sorted({*known, *BUILT_IN}))}, or declare it in MeshConfig",
                    )
                elif named.name in known and known[named.name].HasField("lightstep"):
                    yield message(
                        WARNING,
                        "IST0002",
                        each,
                        path,
                        f"the Lightstep provider {named.name} is deprecated",
                        "it gives no traces any more",
                        "use an opentelemetry provider",
                    )
