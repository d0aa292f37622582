"""Networks of a mesh that name a registry of endpoints that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import ERROR, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic

REGISTRIES = ("Kubernetes", "External", "Mock")


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each fromRegistry that names none."""
    for one in world.of("MeshNetworks"):
        for name, network in sorted(one.message.networks.items()):
            for index, part in enumerate(network.endpoints):
                if part.WhichOneof("ne") == "from_registry" and part.from_registry not in REGISTRIES:
                    yield message(
                        ERROR,
                        "IST0126",
                        one,
                        f"spec.networks.{name}.endpoints[{index}].fromRegistry",
                        f"there is no registry {part.from_registry}",
                        f"no endpoint is in network {name} by it: clients call it directly and get 503 (UF)",
                        f"write one of {', '.join(REGISTRIES)}, or fromCidr",
                    )
