"""What a rule of admission says: the field, what is wrong, and what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from miniistiod.config.diagnostics import Level
from miniistiod.config.objects import Object

Steps = tuple[str | int, ...]
"""The way to a field from the object's body, in the names of the YAML: ("http", 0, "timeout")."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one field."""

    steps: Steps
    message: str
    remedy: str = ""
    code: str = "invalid"
    level: Level = Level.ERROR


Rules = Callable[[Object[Any]], Iterable[Finding]]
