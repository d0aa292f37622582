"""A memory of pure functions: what was made from the same arguments is made once, for all proxies and all
pushes.

In goes a function of its arguments only; out comes the same function, which gives the same object again.
Arguments are told apart by `==`: by identity for what is equal only to itself (Object, Service, an index),
by value for names, numbers and tuples. So never leave an input out of the arguments: a function that reads
anything else (a global, a clock, a message passed around it) must not be kept. What no snapshot of the last
few used is forgotten. One thread makes snapshots and resources; see `turn`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE = 16
"""Every so many turns it is noted what is used; what was not used twice in a row is forgotten."""


class Entry:
    """One result, the results it was made from, and the turn in which its use was last noted."""

    __slots__ = ("turn", "used", "value")

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.value: Any = None
        self.used: list[Entry] = []


class Memory:
    """All results, by function and arguments."""

    def __init__(self) -> None:
        self.entries: dict[tuple[Hashable, ...], Entry] = {}
        self.now = 0
        self.noting = False
        self.sweeping = False
        self.making: list[Entry] = []

    def value(self, function: Callable[..., R], arguments: tuple[Hashable, ...]) -> R:
        """The result of the function for these arguments, made now if it is not known."""
        key = (function, *arguments)
        entry = self.entries.get(key)
        if entry is None:
            entry = self.made(function, arguments)
            self.entries[key] = entry
        else:
            self.used(entry)
        if self.making:
            self.making[-1].used.append(entry)
        return entry.value  # type: ignore[no-any-return]

    def made(self, function: Callable[..., Any], arguments: tuple[Hashable, ...]) -> Entry:
        """A new entry. Kept functions called on the way are remembered as what it was made from."""
        entry = Entry(self.now)
        self.making.append(entry)
        try:
            entry.value = function(*arguments)
        finally:
            self.making.pop()
        return entry

    def used(self, entry: Entry) -> None:
        """Note the use of a result, and of all it was made from: a part that is still served keeps its
        pieces.
        """
        if self.noting and entry.turn != self.now:
            entry.turn = self.now
            for below in entry.used:
                self.used(below)

    def turn(self) -> None:
        """Begin a new turn. After one in which uses were noted, forget what was not used then nor in the
        one before.
        """
        if self.sweeping:
            return
        if self.noting:
            self.forget(self.now - PATIENCE)
        self.now += 1
        self.noting = self.now % PATIENCE == 0

    def sweep(self, use: Callable[[], object]) -> None:
        """Forget at once what `use` does not use, turns it may begin among it."""
        self.now += 1
        self.noting = self.sweeping = True
        try:
            use()
        finally:
            self.noting = self.sweeping = False
        self.forget(self.now)

    def forget(self, oldest: int) -> None:
        """Forget what was last noted before this turn."""
        for key in [key for key, entry in self.entries.items() if entry.turn < oldest]:
            del self.entries[key]


MEMORY = Memory()


def kept(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, whose results are kept under its arguments. All arguments are given by position."""

    @wraps(function)
    def remembered(*arguments: P.args, **named: P.kwargs) -> R:
        if named:
            raise TypeError(f"{function.__name__} is kept: give its arguments by position")
        return MEMORY.value(function, arguments)

    return remembered


def turn() -> None:
    """Begin a new turn. `mesh.snapshot` does so once for each snapshot; nobody else needs to."""
    MEMORY.turn()
