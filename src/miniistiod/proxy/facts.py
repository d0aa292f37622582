"""What is known of one proxy: facts, each a function of its scope, worked out once and carried over to the
next mesh while all that was read for it is the same there.

What a fact reads is written down while it is worked out (indexes of the mesh, other facts), so no input can
be forgotten. Of inputs that changed only those count that the fact has read, and a fact that comes out as it
was before changes nothing of what was made from it. A fact reads nothing but its scope and its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from miniistiod.mesh.kept import MEMORY, Entry
from miniistiod.mesh.mesh import Mesh

P = ParamSpec("P")
R = TypeVar("R")

Key = str | tuple[Hashable, ...]
"""The name of an index of the mesh, or a function with its arguments."""


class Fact(NamedTuple):
    """A value, all that was read for it in the order of reading, and the kept results that it uses."""

    value: Any
    inputs: tuple[tuple[Key, Any], ...]
    entry: Entry


class Facts:
    """The facts of one proxy in one mesh. `before` are those it had in another one."""

    __slots__ = ("_before", "_known", "_reading", "indexes", "mesh")

    def __init__(self, mesh: Mesh, before: Facts | None = None) -> None:
        self.mesh = mesh
        self.indexes = cast(Mesh, Indexes(self))
        self._known: dict[Key, Fact] = {}
        self._before: dict[Key, Fact] = {} if before is None else {**before._before, **before._known}
        self._reading: list[dict[Key, Any]] = []

    def index(self, name: str) -> Any:
        """An index of the mesh, noted as read."""
        value = getattr(self.mesh, name)
        if self._reading:
            self._reading[-1][name] = value
        return value

    def value(self, key: tuple[Hashable, ...], scope: Scope) -> Any:
        """The fact of this function and these arguments, noted as read."""
        value = self._current(key, scope)
        if self._reading:
            self._reading[-1][key] = value
        return value

    def _current(self, key: tuple[Hashable, ...], scope: Scope) -> Any:
        known = self._known.get(key)
        if known is None:
            before = self._before.pop(key, None)
            if before is None:
                known = self._made(key, scope)
            elif self._holds(before, scope):
                known = before
                MEMORY.used(known.entry)
            else:
                known = self._made(key, scope)
                if known.value == before.value:
                    known = known._replace(value=before.value)
            self._known[key] = known
        return known.value

    def _holds(self, fact: Fact, scope: Scope) -> bool:
        """Whether all that was read is the same now. In the order of reading, for what was read first may
        have decided what was read then."""
        for key, value in fact.inputs:
            now = getattr(self.mesh, key) if isinstance(key, str) else self._current(key, scope)
            if now is not value:
                return False
        return True

    def _made(self, key: tuple[Hashable, ...], scope: Scope) -> Fact:
        function, *arguments = key
        self._reading.append({})
        try:
            entry = MEMORY.made(cast(Callable[..., Any], function), (cast(Hashable, scope), *arguments))
        finally:
            read = self._reading.pop()
        return Fact(entry.value, tuple(read.items()), entry)


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
