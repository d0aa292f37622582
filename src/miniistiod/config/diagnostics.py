"""What is wrong in a user's YAML: where it stands, what it is, and what to write instead.

Every finding of this project is one `Diagnostic`, whoever made it, so that the command line, the
server's status page and the tests show them alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

Key = tuple[str, str, str]
"""(kind, namespace, name) of an object."""


class Level(Enum):
    """How bad: an ERROR keeps the object from taking effect, the others do not."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `line` and `column` count from 1; `path` is the field from the top of its
    document: `spec.http[0].timeout`.

    `code` is a short stable word ("unknown-field") or, for what istioctl finds as well, its code ("IST0101").
    `remedy` says what to write, as an instruction; it may be empty when `message` says it all.
    """

    level: Level
    code: str
    message: str
    remedy: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    key: Key | None = None

    @property
    def place(self) -> str:
        """file:line:column, as editors and terminals make it a link."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def subject(self) -> str:
        """The object as a user would name it: `VirtualService default/reviews`."""
        if self.key is None:
            return ""
        kind, namespace, name = self.key
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

    def moved(self, lines: int) -> Diagnostic:
        """The same finding, that many lines further down."""
        return dataclasses.replace(self, line=self.line + lines) if self.line and lines else self

    def text(self) -> str:
        """One finding on one to three lines of plain text."""
        about = ", ".join(word for word in (self.subject, self.path) if word)
        head = f"{self.place}: {self.level.value} [{self.code}]" + (f" {about}" if about else "")
        remedy = f"\n    {self.remedy}" if self.remedy else ""
        return f"{head}\n    {self.message}{remedy}"

    def json(self) -> dict[str, Any]:
        """The finding as JSON can carry it; absent parts are left out."""
        body = {
            "level": self.level.value,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "object": self.subject,
        }
        return {name: value for name, value in body.items() if value}


def errors(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that keep an object from taking effect."""
    return tuple(d for d in found if d.level is Level.ERROR)
