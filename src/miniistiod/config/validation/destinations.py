"""Rules for where traffic goes: hosts, subsets and ports of destinations, and their weights.

Source: istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from miniistiod.api.istio.networking.virtual_service_pb2 import Destination
from miniistiod.config.validation import names, values
from miniistiod.config.validation.finding import Findings, Steps, at, error


def destination(target: Destination, steps: Steps) -> Findings:
    """A host, and perhaps a subset and a port of it."""
    if target.host == "*":
        yield from error((*steps, "host"), "* is no host to send to", "write the name of a service")
    else:
        yield from at((*steps, "host"), names.wildcard_host(target.host))
    if target.subset:
        yield from at((*steps, "subset"), names.dns_label(target.subset, "name of a subset"))
    if target.HasField("port"):
        yield from at((*steps, "port", "number"), values.port(target.port.number))


def weights(given: Sequence[int], steps: Steps) -> Findings:
    """Weights are shares of their sum, whatever it is; it only must not be 0."""
    for index, weight in enumerate(given):
        yield from at((*steps, index, "weight"), values.not_negative(weight))
    if len(given) > 1 and sum(given) == 0:
        yield from error(
            steps, "the weights of these destinations sum to 0", "give at least one of them a weight"
        )
