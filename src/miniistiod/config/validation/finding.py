"""What a rule of admission says: the field, what is wrong, and what to write.

Small rules return a Complaint about a value; whoever knows where the value stands makes it a Finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from miniistiod.config.diagnostics import Level
from miniistiod.config.objects import Object

Steps = tuple[str | int, ...]
"""The way to a field from the object's body, in the names of the YAML: ("http", 0, "timeout")."""


class Complaint(NamedTuple):
    """What is wrong with a value, and what to write."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one field. `metadata` findings count their steps from the top of the document."""

    steps: Steps
    message: str
    remedy: str
    code: str = "IST0106"
    level: Level = Level.ERROR
    metadata: bool = False


Findings = Iterator[Finding]
Rules = Callable[[Object[Any]], Iterable[Finding]]


def at(steps: Steps, *complaints: Complaint | None) -> Findings:
    """The complaints that there are, as errors at this field."""
    for complaint in complaints:
        if complaint is not None:
            yield Finding(steps, complaint.message, complaint.remedy)


def error(steps: Steps, message: str, remedy: str) -> Findings:
    """One error."""
    yield Finding(steps, message, remedy)


def warning(steps: Steps, message: str, remedy: str, code: str = "IST0133") -> Findings:
    """One warning: the object takes effect all the same."""
    yield Finding(steps, message, remedy, code, Level.WARNING)
