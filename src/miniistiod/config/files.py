"""The text of one file, and what it held before → its documents, and the objects that it contributes now.

What did not change keeps its identity, and what is wrong now keeps its last good version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.documents import Chunk, Document, chunks, document
from miniistiod.config.objects import AnyObject


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One file: its documents, with the lines above each, and the last good versions of what is wrong."""

    path: str
    text: str
    documents: tuple[tuple[int, Document], ...] = ()
    kept: tuple[AnyObject, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    by_kind: Mapping[str, tuple[AnyObject, ...]] = field(default_factory=dict)

    @property
    def objects(self) -> tuple[AnyObject, ...]:
        """All objects of the file: the last good versions first, so that good ones win over them."""
        return (*self.kept, *(one for _, held in self.documents for one in held.objects))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything to say about the file, at its present lines."""
        found = (d.moved(above) for above, held in self.documents for d in held.diagnostics)
        return (*found, *self.notes)


def file(path: str, text: str, before: File | None) -> File:
    """The file with this text, given what was known of it."""
    if before is not None and before.text == text:
        return before
    if before is not None and not text.strip() and before.objects:
        return _emptied(path, text, before)
    documents = _documents(path, text, before)
    kept = _kept(documents, before) if before is not None else ()
    notes = tuple(_kept_note(one, path) for one in kept)
    new = File(path, text, documents, kept, notes)
    return File(path, text, documents, kept, notes, _by_kind(new.objects))


def _documents(path: str, text: str, before: File | None) -> tuple[tuple[int, Document], ...]:
    """The documents; one with the same text as before is the same Document again."""
    known: dict[str, list[Document]] = defaultdict(list)
    for _, held in reversed(before.documents) if before is not None else ():
        known[held.text].append(held)
    return tuple((chunk.above, _known(known, chunk) or document(path, chunk)) for chunk in chunks(text))


def _known(known: dict[str, list[Document]], chunk: Chunk) -> Document | None:
    same = known.get(chunk.text)
    return same.pop() if same else None


def _kept(documents: tuple[tuple[int, Document], ...], before: File) -> tuple[AnyObject, ...]:
    """The last good versions of objects that are wrong now, or that may stand in text that is no YAML."""
    broken = any(held.broken for _, held in documents)
    good = {one.key for _, held in documents for one in held.objects}
    refused = {key for _, held in documents for key in held.refused}
    last = {one.key: one for one in before.objects}
    return tuple(one for key, one in last.items() if key not in good and (broken or key in refused))


def _kept_note(one: AnyObject, path: str) -> Diagnostic:
    return Diagnostic(
        Level.WARNING,
        "last-good",
        "this object has errors now",
        "its last good version keeps serving",
        "mend the errors of this file",
        path,
        key=one.key,
    )


def _emptied(path: str, text: str, before: File) -> File:
    """An empty file is mostly one about to be written."""
    note = Diagnostic(
        Level.WARNING,
        "empty-file",
        "the file is empty",
        "what it held before keeps serving",
        "delete the file to remove its objects",
        path,
    )
    return File(path, text, (), before.objects, (note,), before.by_kind)


def _by_kind(objects: tuple[AnyObject, ...]) -> dict[str, tuple[AnyObject, ...]]:
    found: dict[str, list[AnyObject]] = defaultdict(list)
    for one in objects:
        found[one.kind.id].append(one)
    return {kind: tuple(ones) for kind, ones in found.items()}
