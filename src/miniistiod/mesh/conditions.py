"""The conditions in the `status` of Gateway API objects: what istiod would report, without its times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Json = dict[str, Any]


class Fault(NamedTuple):
    """Why something cannot take effect: a word that programs read, and a sentence for people."""

    reason: str
    message: str


class Condition(NamedTuple):
    """One condition."""

    type: str
    holds: bool
    reason: str
    message: str

    def json(self) -> Json:
        """As it stands in `status.conditions`."""
        return {
            "type": self.type,
            "status": "True" if self.holds else "False",
            "reason": self.reason,
            "message": self.message,
        }


def good(kind: str, message: str, reason: str = "") -> Condition:
    """A condition that holds; its reason is its own name unless told otherwise."""
    return Condition(kind, True, reason or kind, message)


def failed(kind: str, fault: Fault) -> Condition:
    """A condition that a fault keeps from holding."""
    return Condition(kind, False, fault.reason, fault.message)


def judged(kind: str, message: str, fault: Fault | None) -> Condition:
    """The condition holds unless there is a fault."""
    return good(kind, message) if fault is None else failed(kind, fault)


def listed(conditions: Iterable[Condition]) -> list[Json]:
    """Conditions as JSON, by type; the last one of a type counts."""
    last = {each.type: each for each in conditions}
    return [last[kind].json() for kind in sorted(last)]


def joined(faults: Iterable[Fault]) -> Fault | None:
    """Several faults as one: the first one's reason, all their messages."""
    found = list(faults)
    return Fault(found[0].reason, "; ".join(each.message for each in found)) if found else None
