"""The words of a finding about an object of the mesh, at the line of its document."""

from __future__ import annotations

from typing import Any

from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import Object


def finding(
    level: Level, about: Object[Any], path: str, code: str, cause: str, symptom: str, remedy: str
) -> Diagnostic:
    """The diagnostic; `Store.place` knows the line of the path."""
    file, line = about.origin.file, about.origin.line
    return Diagnostic(level, code, cause, symptom, remedy, file, line, 1, path, about.key)


def warning(about: Object[Any], path: str, code: str, cause: str, symptom: str, remedy: str) -> Diagnostic:
    """A warning."""
    return finding(Level.WARNING, about, path, code, cause, symptom, remedy)
