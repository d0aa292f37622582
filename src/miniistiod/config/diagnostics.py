"""What is wrong in a user's YAML: where it stands, what it is, what one sees of it, and what to write.

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
    `cause` says what is wrong, `symptom` what one sees of it ("requests get 503 (NC)"), `remedy` what to
    write.
    """

    level: Level
    code: str
    cause: str
    symptom: str
    remedy: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    key: Key | None = None

    @property
    def message(self) -> str:
        """Cause and symptom in one line."""
        return f"{self.cause}: {self.symptom}"

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
        """One finding on four lines of plain text."""
        about = ", ".join(word for word in (self.subject, self.path) if word)
        head = f"{self.place}: {self.level.value} [{self.code}]" + (f" {about}" if about else "")
        return f"{head}\n    {self.cause}\n    symptom: {self.symptom}\n    remedy: {self.remedy}"

    def json(self) -> dict[str, Any]:
        """The finding as JSON can carry it; absent parts are left out."""
        body = {
            "level": self.level.value,
            "code": self.code,
            "message": self.message,
            "cause": self.cause,
            "symptom": self.symptom,
            "remedy": self.remedy,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "object": self.subject,
        }
        return {name: value for name, value in body.items() if value}


REFUSED = "the object is refused: it takes no effect, or its last good version goes on"
"""What one sees of an error in a document."""

SYMPTOMS = {
    "IST0130": "the rule never gets a request",
    "IST0131": "the match never gets a request",
    "deprecated": "it still works; a later version may drop it",
    "ignored-field": "the field does nothing",
    "internal-api": "an upgrade may break it, and Envoy then refuses the whole listener, route or cluster",
    "not-supported": "the object does nothing",
    "unknown-field": "the field does nothing",
    "unknown-kind": "the object does nothing here",
    "unsupported-field": "the field does nothing here",
    "unused-field": "the field does nothing here",
    "unused-kind": "the object does nothing here",
}
"""What one sees of what is no error in a document, by its code."""


def admission_symptom(level: Level, code: str) -> str:
    """What one sees of a finding about a document by itself."""
    if level is Level.ERROR:
        return REFUSED
    return SYMPTOMS.get(code, "the object takes effect, this part of it perhaps not as meant")


def errors(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that keep an object from taking effect."""
    return tuple(d for d in found if d.level is Level.ERROR)
