"""The text of a file → its documents; a document's text → the objects in it and what is wrong with them.

Documents are told apart before YAML is parsed, so that an edit costs only the documents it touches.
Lines in diagnostics count within the document; the store knows where the document stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from miniistiod.config import nodes
from miniistiod.config.diagnostics import REFUSED, Diagnostic, Key, Level, errors
from miniistiod.config.manifest import manifests
from miniistiod.config.objects import AnyObject
from miniistiod.config.reading import Reading

MARKER = re.compile(r"^(?:---|\.\.\.)(?:[ \t\r]*\n|(?=[ \t\r])|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one document and the number of lines of its file above it."""

    text: str
    above: int


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """What one document holds. `refused`: the keys of objects with errors; `broken`: it may be any object."""

    text: str
    objects: tuple[AnyObject, ...] = ()
    refused: tuple[Key, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: bool = False


def chunks(text: str) -> Iterator[Chunk]:
    """The documents of a file; a line `---` or `...` can only stand between two, even beside block text."""
    start, line = 0, 0
    for marker in MARKER.finditer(text):
        yield from _chunk(text[start : marker.start()], line)
        line += text.count("\n", start, marker.end())
        start = marker.end()
    yield from _chunk(text[start:], line)


def _chunk(text: str, above: int) -> Iterator[Chunk]:
    if text.strip() and not text.lstrip().startswith("%YAML"):
        yield Chunk(text, above)


def document(file: str, chunk: Chunk) -> Document:
    """The objects of one document. Objects with an error are left out and named in `refused`."""
    reading = Reading(file, chunk.text)
    objects: list[AnyObject] = []
    refused: list[Key] = []
    try:
        root = nodes.composed(chunk.text)
        if root is not None and not nodes.is_null(root):
            for key, found in manifests(reading, root, chunk.above):
                if found is not None:
                    objects.append(found)
                else:
                    refused.append(key)
    except yaml.YAMLError as error:
        return Document(chunk.text, diagnostics=(_syntax(file, chunk.text, error),), broken=True)
    except UnicodeEncodeError as error:
        return Document(chunk.text, diagnostics=(_not_utf8(file, chunk.text, error.start),), broken=True)
    except RecursionError:
        return Document(chunk.text, diagnostics=(_too_deep(file),), broken=True)
    nameless = not objects and not refused and bool(errors(reading.findings))
    return Document(chunk.text, tuple(objects), tuple(refused), tuple(reading.findings), nameless)


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Diagnostic:
    line, column, message = nodes.syntax_place(error)
    written = [*text.split("\n"), ""][line - 1]
    tab = "\t" in written[: len(written) - len(written.lstrip())]
    remedy = "indent with spaces, not with tabs" if tab else "check indentation, colons and quotes here"
    return Diagnostic(
        Level.ERROR, "syntax", f"this is not YAML: {message}", REFUSED, remedy, file, line, column
    )


def _too_deep(file: str) -> Diagnostic:
    return Diagnostic(
        Level.ERROR, "syntax", "this document is nested too deeply", REFUSED, "nest it less", file, 1, 1
    )


def _not_utf8(file: str, text: str, at: int) -> Diagnostic:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    message = "these bytes are no UTF-8 text"
    return Diagnostic(Level.ERROR, "syntax", message, REFUSED, "save the file as UTF-8", file, line, column)
