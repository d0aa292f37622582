"""A merged VirtualService → its rules, each with the document and the field it was written in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRoute
from miniistiod.config.objects import Object
from miniistiod.mesh.delegates import delegated
from miniistiod.mesh.virtual_services import MergedVirtualService, resolved


class Rule(NamedTuple):
    """One rule in force: where it was written, and whose."""

    written: Object[Any]
    path: str
    http: HTTPRoute
    owner: MergedVirtualService


def rules_of(merged: MergedVirtualService, domain: str) -> Iterator[Rule]:
    """The rules in the order in which they are asked; a delegate's stand in the delegate."""
    remaining = iter(merged.message.http)
    delegates = {(each.namespace, each.name): each for each in merged.sources[1:]}
    for index, written in enumerate(merged.origin.message.http):
        if not written.HasField("delegate"):
            yield Rule(merged.origin, f"spec.http[{index}]", next(remaining), merged)
            continue
        place = (written.delegate.namespace or merged.namespace, written.delegate.name)
        if place in delegates:
            yield from _delegated(written, delegates[place], remaining, merged, domain)


def _delegated(
    written: HTTPRoute,
    delegate: Object[Any],
    remaining: Iterator[HTTPRoute],
    merged: MergedVirtualService,
    domain: str,
) -> Iterator[Rule]:
    """The delegate's rules that the root lets through."""
    for index, each in enumerate(resolved(delegate, domain).http):
        for _ in delegated(written, [each]):
            http = next(remaining, None)
            if http is not None:
                yield Rule(delegate, f"spec.http[{index}]", http, merged)
