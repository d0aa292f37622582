"""The words of a finding: what is wrong, what one would see, what to write."""

from __future__ import annotations

from typing import Any

from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import Object

ERROR, WARNING, INFO = Level.ERROR, Level.WARNING, Level.INFO


def message(
    level: Level, code: str, about: Object[Any], path: str, cause: str, symptom: str, remedy: str
) -> Diagnostic:
    """One finding, at the line of its document."""
    file, line = about.origin.file, about.origin.line
    return Diagnostic(level, code, cause, symptom, remedy, file, line, 1, path, about.key)
