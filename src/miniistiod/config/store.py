"""All files of a mesh → its objects by kind, the mesh's configuration, and every diagnostic. Immutable.

A changed file gives a new Store that shares with the old one all that did not change: the same Object for the
same text, the same tuple for a kind none of whose objects changed, the same MeshConfig.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from google.protobuf.message import Message

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.mesh.network_pb2 import MeshNetworks
from miniistiod.api.kinds import KINDS
from miniistiod.config.diagnostics import Diagnostic, Key, Level
from miniistiod.config.files import File, file
from miniistiod.config.mesh_config import mesh_config, mesh_networks, ordered
from miniistiod.config.objects import AnyObject, Object
from miniistiod.config.provenance import place_in

M = TypeVar("M", bound=Message)

Pair = tuple[AnyObject, AnyObject]
"""An object, and the later one with the same key that hides it."""

KIND_OF: dict[type[Message], str] = {kind.message: kind.id for kind in KINDS}
LAYERED = ("MeshConfig", "MeshNetworks")
"""Kinds of which several may stand side by side: they are merged, not replaced."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as editors show it; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """The configuration at one moment. Make one by `Store().with_files({path: text})`."""

    files: Mapping[str, File] = field(default_factory=dict)
    kinds: Mapping[str, tuple[AnyObject, ...]] = field(default_factory=dict)
    hidden: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)
    mesh_config: MeshConfig = field(default_factory=lambda: mesh_config(()))
    mesh_networks: MeshNetworks = field(default_factory=MeshNetworks)

    def of(self, message: type[M]) -> tuple[Object[M], ...]:
        """The objects whose body is this message, in the order of precedence: older first, then by name."""
        return cast("tuple[Object[M], ...]", self.kinds.get(KIND_OF[message], ()))

    def of_kind(self, name: str) -> tuple[AnyObject, ...]:
        """The objects of a kind by its `Kind.id`, for those who know it only at run time."""
        return self.kinds.get(name, ())

    @property
    def objects(self) -> tuple[AnyObject, ...]:
        """Every object that takes effect, by the order of the table of kinds and then of precedence."""
        return tuple(one for kind in KINDS for one in self.kinds.get(kind.id, ()))

    def with_file(self, path: str, text: str) -> Store:
        """The store after one file got this text."""
        return self.with_files({path: text})

    def without_file(self, path: str) -> Store:
        """The store after one file was deleted."""
        return self.with_files({path: None})

    def with_files(self, changes: Mapping[str, str | None]) -> Store:
        """The store after all these files changed; None deletes a file. Itself when nothing changed."""
        files, touched = dict(self.files), set[str]()
        for path, text in changes.items():
            before = files.pop(path, None)
            after = None if text is None else file(path, text, before)
            if after is not None:
                files[path] = after
            if after is not before:
                touched |= _changed_kinds(before, after)
        if all(files.get(path) is self.files.get(path) for path in changes):
            return self
        return self._indexed(dict(sorted(files.items())), touched)

    def _indexed(self, files: dict[str, File], touched: set[str]) -> Store:
        kinds, hidden = dict(self.kinds), dict(self.hidden)
        for kind in touched:
            ones = [one for held in files.values() for one in held.by_kind.get(kind, ())]
            kinds[kind], hidden[kind] = (tuple(ones), ()) if kind in LAYERED else _winners(ones)
        networks = self.mesh_networks
        config = self.mesh_config
        if touched.intersection(LAYERED):
            config, networks = _mesh(kinds)
        return Store(files, kinds, hidden, config, networks)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say, file by file and then line by line."""
        found = [d for held in self.files.values() for d in held.diagnostics]
        found += [self._hidden(one, winner) for pairs in self.hidden.values() for one, winner in pairs]
        return tuple(sorted(found, key=lambda d: (d.file, d.line, d.column)))

    def place(self, one: AnyObject, path: str = "") -> Place:
        """Where the object, or a field of it (`spec.http[0].timeout`), stands in its file now."""
        held = self.files.get(one.origin.file)
        for above, document in held.documents if held is not None else ():
            if one in document.objects:
                found = place_in(document.text, one, path)
                if found is not None:
                    return Place(one.origin.file, above + found[0], found[1])
        return Place(one.origin.file, one.origin.line, 1)

    def _hidden(self, one: AnyObject, winner: AnyObject) -> Diagnostic:
        place = self.place(one)
        return Diagnostic(
            Level.WARNING,
            "hidden-object",
            f"the same object stands at {self.place(winner)} again, which wins",
            "this one does nothing",
            "keep one of them, or rename one",
            place.file,
            place.line,
            place.column,
            "",
            one.key,
        )


def _changed_kinds(before: File | None, after: File | None) -> set[str]:
    """The kinds of which the file contributes other objects than before."""
    old = before.by_kind if before is not None else {}
    new = after.by_kind if after is not None else {}
    return {kind for kind in {*old, *new} if _ids(old.get(kind, ())) != _ids(new.get(kind, ()))}


def _ids(ones: tuple[AnyObject, ...]) -> list[int]:
    return [id(one) for one in ones]


def _winners(ones: list[AnyObject]) -> tuple[tuple[AnyObject, ...], tuple[Pair, ...]]:
    """Of objects with one key the last, in order of precedence; and those that it hides."""
    last: dict[Key, AnyObject] = {one.key: one for one in ones}
    hidden = tuple((one, last[one.key]) for one in ones if last[one.key] is not one)
    return tuple(sorted(last.values(), key=lambda one: one.age)), hidden


def _mesh(kinds: Mapping[str, tuple[AnyObject, ...]]) -> tuple[MeshConfig, MeshNetworks]:
    """The mesh's configuration; the layers themselves may say which namespace's ConfigMap counts."""
    layers = kinds.get("MeshConfig", ())
    config = mesh_config(ordered(layers, mesh_config(ordered(layers, "")).root_namespace))
    return config, mesh_networks(ordered(kinds.get("MeshNetworks", ()), config.root_namespace))


def loaded(texts: Mapping[str, str] | Iterable[tuple[str, str]]) -> Store:
    """A store of these files, from nothing."""
    return Store().with_files(dict(texts))


def of_text(text: str, path: str = "input.yaml") -> Store:
    """A store of one text, as tests and `translate -f -` want it."""
    return Store().with_file(path, text)
