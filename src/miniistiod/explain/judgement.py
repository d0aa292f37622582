"""What is said of a request: what becomes of it, by which rule, and why not by the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRouteDestination, RouteDestination
from miniistiod.config.objects import Object


class Judged(NamedTuple):
    """One rule or document that was asked: `why` it does not take the request; () when it does. `name` is the
    rule's own, by which one of the Gateway API is found in its HTTPRoute.
    """

    about: Object[Any]
    path: str
    why: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a request. `taken` is the rule that takes it, None when it is no rule that decides."""

    outcome: str
    taken: Judged | None
    passed: tuple[Judged, ...]


def shares(targets: Iterable[HTTPRouteDestination | RouteDestination]) -> str:
    """Where a rule leads, with the weights."""
    found = []
    for each in targets:
        to = each.destination
        port = f":{to.port.number}" if to.port.number else ""
        subset = f" subset {to.subset}" if to.subset else ""
        found.append(f"{to.host}{port}{subset}" + (f" ({each.weight} %)" if each.weight else ""))
    return ", ".join(found)
