"""What all kinds with a selector share: selectors that select nobody, and workloads that two select."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from miniistiod.analysis.message import ERROR, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.policies import selector


def labels_text(wanted: Any) -> str:
    """a=b,c=d"""
    return ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))


def selecting_none(each: Object[Any], path: str, world: World) -> Iterator[Diagnostic]:
    """IST0101 for a selector that no workload of the namespace has."""
    wanted = selector(each.message)
    if wanted and not world.selected(each.namespace, wanted):
        yield message(
            ERROR,
            "IST0101",
            each,
            path,
            f"no workload in namespace {each.namespace} has the labels {labels_text(wanted)}",
            f"this {each.kind.name} does nothing",
            "correct the labels, or start such a workload",
        )


def selecting_same(objects: Iterable[Object[Any]], code: str, world: World) -> Iterator[Diagnostic]:
    """Objects that select a workload which another of them selects too."""
    chosen = [(each, wanted) for each in objects if (wanted := selector(each.message))]
    said: set[int] = set()
    for workload in world.workloads:
        takers = [e for e, wanted in chosen if e.namespace == workload.namespace and workload.carries(wanted)]
        for each in takers if len(takers) > 1 else ():
            if id(each) not in said:
                said.add(id(each))
                names = ", ".join(e.name for e in takers)
                yield message(
                    ERROR,
                    code,
                    each,
                    "metadata.name",
                    f"{names} all select the workload {workload.name}",
                    "only the oldest is obeyed there",
                    "make the selectors differ, or merge the objects",
                )


def for_all_twice(objects: Iterable[Object[Any]], code: str) -> Iterator[Diagnostic]:
    """Several without a selector in one namespace; they come oldest first."""
    by_namespace: dict[str, list[Object[Any]]] = {}
    for each in objects:
        if not selector(each.message):
            by_namespace.setdefault(each.namespace, []).append(each)
    for namespace, several in by_namespace.items():
        for each in several if len(several) > 1 else ():
            first = several[0]
            fate = (
                "this one is obeyed, being the oldest"
                if each is first
                else f"{first.name} is older: this one is idle"
            )
            yield message(
                ERROR,
                code,
                each,
                "metadata.name",
                f"{', '.join(e.name for e in several)} are all for the whole namespace {namespace}",
                fate,
                "add a selector, or merge them",
            )
