"""A source of given resources, the same for every client: for protocol tests and for teaching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from miniistiod.xds.resource import Part, Resource, Snapshot


class StaticSnapshot:
    """One part for each type."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = parts

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The part of this type."""
        return (self.parts[type_url],) if type_url in self.parts else ()


class StaticSource:
    """Holds what it was last given; a type whose resources did not change keeps its part."""

    def __init__(self) -> None:
        self._snapshot = StaticSnapshot({})

    @property
    def types(self) -> list[str]:
        """The types that were ever put."""
        return list(self._snapshot.parts)

    def put(self, type_url: str, resources: Iterable[Resource]) -> None:
        """Replace all resources of a type."""
        part = {r.name: r for r in resources}
        if part != self._snapshot.parts.get(type_url):
            self._snapshot = StaticSnapshot({**self._snapshot.parts, type_url: part})

    def snapshot(self, node: Any) -> Snapshot:
        """What was put, whoever asks."""
        return self._snapshot
