"""What is known of one proxy: facts, each a function of its scope, worked out once and carried over to the
next mesh while all that was read for it is the same there.

What a fact reads is written down while it is worked out (indexes of the mesh, other facts), so no input can
be forgotten. Of inputs that changed only those count that the fact has read, and a fact that comes out as it
was before changes nothing of what was made from it. A fact reads nothing but its scope and its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from miniistiod.mesh.kept import MEMORY, Entry, kept
from miniistiod.mesh.mesh import Mesh

P = ParamSpec("P")
R = TypeVar("R")

Key = str | tuple[Hashable, ...]
"""The name of an index of the mesh, or a function with its arguments."""


class Fact(NamedTuple):
    """A value; all that was read for it, in the order of reading; the indexes that it comes from in the end;
    and the kept results that it uses."""

    value: Any
    inputs: tuple[tuple[Key, Any, frozenset[str] | None], ...]
    indexes: frozenset[str]
    entry: Entry


class Facts:
    """The facts of one proxy in one mesh.

    `before` are those it had in the mesh before, `older` those that were not asked for there.
    """

    __slots__ = ("_before", "_changed", "_known", "_older", "_reading", "mesh")

    def __init__(self, mesh: Mesh, before: Facts | None = None) -> None:
        self.mesh = mesh
        self._known: dict[Key, Fact] = {}
        self._before: dict[Key, Fact] = {} if before is None else before._known
        self._older: dict[Key, Fact] = {} if before is None else before._not_asked_for()
        self._changed = frozenset[str]() if before is None else changed_indexes(before.mesh, mesh)
        self._reading: list[dict[Key, Any]] = []

    @property
    def indexes(self) -> Mesh:
        """The mesh; what is read of it is noted."""
        return cast(Mesh, Indexes(self))

    def _not_asked_for(self) -> dict[Key, Fact]:
        """What was known once and not looked at in this mesh."""
        known = self._known
        missed = {key: fact for key, fact in self._before.items() if key not in known}
        for key, fact in self._older.items():
            if key not in known:
                missed.setdefault(key, fact)
        return missed

    def index(self, name: str) -> Any:
        """An index of the mesh, noted as read."""
        value = getattr(self.mesh, name)
        if self._reading:
            self._reading[-1][name] = value
        return value

    def value(self, key: tuple[Hashable, ...], scope: Scope) -> Any:
        """The fact of this function and these arguments, noted as read."""
        value = (self._known.get(key) or self._current(key, scope)).value
        if self._reading:
            self._reading[-1][key] = value
        return value

    def _current(self, key: tuple[Hashable, ...], scope: Scope) -> Fact:
        """The fact as it is in this mesh."""
        before = self._before.get(key)
        if before is not None and self._changed.isdisjoint(before.indexes):
            known: Fact | None = before
        else:
            before = before or self._older.get(key)
            known = None if before is None else self._holding(before, scope)
        if known is not None:
            MEMORY.used(known.entry)
        else:
            known = self._made(key, scope)
            if before is not None:
                known = alike(known, before)
        self._known[key] = known
        return known

    def _holding(self, fact: Fact, scope: Scope) -> Fact | None:
        """The fact, if all that was read for it is the same now. In the order of reading, for what was read
        first may have decided what was read then."""
        same = True
        for key, value, indexes in fact.inputs:
            if indexes is None:
                if getattr(self.mesh, cast(str, key)) is not value:
                    return None
            else:
                now = self._known.get(key) or self._current(cast("tuple[Hashable, ...]", key), scope)
                if now.value is not value:
                    return None
                same = same and now.indexes is indexes
        return (
            fact
            if same
            else self._noted(fact.value, fact.entry, {key: value for key, value, _ in fact.inputs})
        )

    def _made(self, key: tuple[Hashable, ...], scope: Scope) -> Fact:
        function, *arguments = key
        self._reading.append({})
        try:
            entry = MEMORY.made(cast(Callable[..., Any], function), (cast(Hashable, scope), *arguments))
        finally:
            read = self._reading.pop()
        return self._noted(entry.value, entry, read)

    def _noted(self, value: Any, entry: Entry, read: dict[Key, Any]) -> Fact:
        """The fact made from these inputs. Those that are facts stand beside the indexes they come from."""
        of = {key: None if isinstance(key, str) else self._known[key].indexes for key in read}
        own = frozenset(key for key in read if isinstance(key, str))
        inputs = tuple((key, each, of[key]) for key, each in read.items())
        return Fact(value, inputs, own.union(*filter(None, of.values())), entry)


def alike(new: Fact, old: Fact) -> Fact:
    """The new fact with the very objects of the old one where they are equal."""
    value = old.value if new.value == old.value else new.value
    return new._replace(value=value, indexes=old.indexes if new.indexes == old.indexes else new.indexes)


@kept
def changed_indexes(old: Mesh, new: Mesh) -> frozenset[str]:
    """The names of the indexes that are not the same object in both."""
    return frozenset(f.name for f in fields(Mesh) if getattr(old, f.name) is not getattr(new, f.name))


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

    @wraps(function)
    def known(scope: S, *arguments: P.args, **named: P.kwargs) -> R:
        if named:
            raise TypeError(f"{function.__name__} is a fact: give its arguments by position")
        return cast(R, scope.facts.value((function, *arguments), scope))

    return known  # type: ignore[return-value]  # wraps() names the first argument
