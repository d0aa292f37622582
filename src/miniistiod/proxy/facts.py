"""What is known of one proxy: facts, each a function of its scope, worked out once and carried over to the
next mesh while all that was read for it is the same there.

What a fact reads is written down while it is worked out (indexes of the mesh, other facts), so no input can
be forgotten. Of inputs that changed only those count that the fact has read, and a fact that comes out as it
was before changes nothing of what was made from it. A fact reads nothing but its scope and its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields
from functools import cache, wraps
from itertools import count
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from miniistiod.mesh.kept import MEMORY, Entry, kept
from miniistiod.mesh.mesh import Mesh

P = ParamSpec("P")
R = TypeVar("R")

FactKey = tuple[Hashable, ...]
"""A function and its arguments after the scope."""
Key = str | FactKey
"""The name of an index of the mesh, or a fact."""
Marks = int
"""A set of indexes, a bit for each: there are thousands of such sets, and each push looks at all of them."""

_bits = count()

REPLACED = {"workloads": "a scope knows its own workload"}
"""Indexes that no fact may read, and what there is instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What facts are read from: the mesh, and what the proxy has of its own in place of an index of all
    proxies (by the name under which it is read), so that the changes of others do not count.
    """

    mesh: Mesh
    own: Mapping[str, Any]

    def index(self, name: str) -> Any:
        """What stands there."""
        return self.own[name] if name in self.own else getattr(self.mesh, name)

    def differing(self, other: Ground) -> Marks:
        """The marks of what is not the same there."""
        changed = changed_indexes(other.mesh, self.mesh)
        for name, value in self.own.items():
            if other.own[name] is not value:
                changed |= mark(name)
        return changed


@dataclass(slots=True, eq=False)
class Fact:
    """A value; all that was read for it, in the order of reading (facts beside the marks of the indexes they
    come from); the marks of the indexes that it comes from in the end; the kept results that it uses; and
    where it is known to hold.
    """

    value: Any
    inputs: tuple[tuple[Key, Any, Marks], ...]
    indexes: Marks
    entry: Entry
    ground: Ground


class Facts:
    """The facts of one proxy in one mesh. It shares them with those `before`: what holds here as well need
    not be worked out again, neither here nor there.
    """

    __slots__ = ("_differing", "_ground", "_known", "_reading")

    def __init__(self, mesh: Mesh, own: Mapping[str, Any], before: Facts | None = None) -> None:
        self._ground = Ground(mesh, own)
        self._known: dict[FactKey, Fact] = {} if before is None else before._known
        self._differing: dict[Ground, Marks] = {}
        self._reading: list[dict[Key, Any]] = []

    @property
    def indexes(self) -> Mesh:
        """The mesh; what is read of it is noted."""
        return cast(Mesh, Indexes(self))

    def index(self, name: str) -> Any:
        """An index of the mesh or what stands in its place, noted as read."""
        if name in REPLACED:
            raise AttributeError(f"{name} is not for scopes: {REPLACED[name]}")
        value = self._ground.index(name)
        if self._reading:
            self._reading[-1][name] = value
        return value

    def note_use(self) -> None:
        """Keep what these facts were made from when the rest is swept out."""
        for known in self._known.values():
            MEMORY.used(known.entry)

    def value(self, key: FactKey, scope: Scope) -> Any:
        """The fact of this function and these arguments, noted as read."""
        value = self._current(key, scope).value
        if self._reading:
            self._reading[-1][key] = value
        return value

    def _current(self, key: FactKey, scope: Scope) -> Fact:
        """The fact as it is in this mesh."""
        before = self._known.get(key)
        if before is not None and before.ground is self._ground:
            return before
        known = None if before is None else self._held(before, scope)
        if known is not None:
            known.ground = self._ground
            MEMORY.used(known.entry)
        else:
            known = self._made(key, scope, before)
        self._known[key] = known
        return known

    def _held(self, fact: Fact, scope: Scope) -> Fact | None:
        """The fact, if it holds here: no index that it comes from has changed, or none that it has read is
        another one here and each fact that it has read came out as it was.

        Inputs are looked at in the order of reading, for what was read first may have decided what was read
        then.
        """
        changed = self._changed_since(fact.ground)
        if not changed & fact.indexes:
            return fact
        same = True
        for key, value, indexes in fact.inputs:
            if not changed & indexes:
                continue
            if isinstance(key, str):
                return None
            now = self._current(key, scope)
            if now.value is not value:
                return None
            same = same and now.indexes == indexes
        return fact if same else self._noted(fact.value, fact.entry, {key: v for key, v, _ in fact.inputs})

    def _changed_since(self, ground: Ground) -> Marks:
        changed = self._differing.get(ground)
        if changed is None:
            changed = self._differing[ground] = self._ground.differing(ground)
        return changed

    def _made(self, key: FactKey, scope: Scope, before: Fact | None) -> Fact:
        """The fact worked out. What is equal to what it was before is the same object."""
        self._reading.append({})
        try:
            entry = MEMORY.made(key[0], (scope, *key[1:]))  # type: ignore[arg-type]  # a function, then any
        finally:
            read = self._reading.pop()
        made = self._noted(entry.value, entry, read)
        if before is not None and made.value == before.value:
            made.value = before.value
        return made

    def _noted(self, value: Any, entry: Entry, read: dict[Key, Any]) -> Fact:
        """The fact made from these inputs."""
        known, inputs, indexes = self._known, [], 0
        for key, each in read.items():
            of = mark(key) if isinstance(key, str) else known[key].indexes
            inputs.append((key, each, of))
            indexes |= of
        return Fact(value, tuple(inputs), indexes, entry, self._ground)


@cache
def mark(name: str) -> Marks:
    """The bit of an index."""
    return 1 << next(_bits)


@kept
def changed_indexes(old: Mesh, new: Mesh) -> Marks:
    """The marks of the indexes that are not the same object in both."""
    names = (f.name for f in fields(Mesh) if getattr(old, f.name) is not getattr(new, f.name))
    return sum(map(mark, names))


class Indexes:
    """Looks like the mesh; each index that is asked for is noted as read."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        return self._facts.index(name)


class Scope(Protocol):
    """Whatever has facts."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""
        ...


S = TypeVar("S", bound=Scope)


def fact(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """The same function of a scope, worked out once. Further arguments are given by position."""

    alone: FactKey = (function,)

    @wraps(function)
    def known(scope: S, *arguments: P.args, **named: P.kwargs) -> R:
        if named:
            raise TypeError(f"{function.__name__} is a fact: give its arguments by position")
        return cast(R, scope.facts.value((function, *arguments) if arguments else alone, scope))

    return known  # type: ignore[return-value]  # wraps() names the first argument
