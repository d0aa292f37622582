"""What one client has and wants of one type.

The client holds what its snapshot says, except for the names noted here as asked, changed or doomed: so
a stream in step with its snapshot costs nothing, and a change costs what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from miniistiod.xds.acknowledgement import Book
from miniistiod.xds.memo import Memo
from miniistiod.xds.resource import Part, Resource
from miniistiod.xds.subscription import Subscription
from miniistiod.xds.type_rules import TypeRules


class TypeState:
    """One type on one stream.

    asked: names to be answered at once, whatever the client holds. due: an answer is owed even if empty.
    changed: names to push, with what the client holds (None: nothing). doomed: held, but gone from the
    snapshot. held_since: since when a push of this type has to wait.
    """

    def __init__(self, rules: TypeRules, parts: tuple[Part, ...]) -> None:
        self.rules = rules
        self.parts = parts
        self.subscription = Subscription(legacy=rules.wildcard)
        self.asked: dict[str, None] = {}
        self.due = False
        self.changed: dict[str, Resource | None] = {}
        self.doomed: dict[str, Resource] = {}
        self.held_since: float | None = None
        self.book = Book()

    def current(self, name: str) -> Resource | None:
        """The resource of this name in the snapshot."""
        for part in self.parts:
            if (found := part.get(name)) is not None:
                return found
        return None

    def sought(self) -> tuple[list[Resource], list[str]]:
        """What was asked for: the resources, and the names of those that do not exist. A client that connects
        asks for all there is, so whole parts are taken at once.
        """
        found = list[Resource]()
        for part in self.parts:
            if self.asked.keys() >= part.keys():
                found += part.values()
            else:
                found += [part[name] for name in self.asked if name in part]
        if len(found) == len(self.asked):
            return found, []
        return found, [name for name in self.asked if self.current(name) is None]

    def wanted(self) -> Iterator[Resource]:
        """All that exists and is subscribed to."""
        if self.subscription.wildcard:
            for part in self.parts:
                yield from part.values()
        else:
            yield from filter(None, map(self.current, sorted(self.subscription.names)))

    def move(self, parts: tuple[Part, ...], memo: Memo) -> bool:
        """Go to the parts of another snapshot and note what the client does not hold; true if anything."""
        before, self.parts = self.parts, parts
        if parts is before:
            return False
        covers, old = self.subscription.covers, dict[str, Resource]()
        names = [n for n in memo.differences(before, parts) if covers(n)]
        for part in before:
            old.update({n: part[n] for n in names if n in part})
        for name in names:
            self._note(name, old.get(name))
        return bool(names)

    def taken(self, pushed: Iterable[str]) -> None:
        """Strike out what a response is about to tell: all that was asked for, and these names."""
        told = (*self.asked, *pushed) if self.changed or self.doomed else ()
        self.asked.clear()
        for noted in (self.changed, self.doomed):
            for name in told:
                noted.pop(name, None)
            if not noted:
                noted.clear()  # an emptied dict keeps its room until it is cleared

    def _note(self, name: str, held: Resource | None) -> None:
        """Sort a name into changed or doomed, or out of both when the client holds the very same again."""
        held = self.changed.pop(name, self.doomed.pop(name, held))
        now = self.current(name)
        if now is not None and (held is None or held.version != now.version):
            self.changed[name] = held
        elif now is None and held is not None:
            self.doomed[name] = held

    def ask(self, names: Iterable[str]) -> None:
        """Note names that must be answered."""
        self.asked.update(dict.fromkeys(names))

    def ask_all(self) -> None:
        """Note everything, and that even an empty answer is owed."""
        for part in self.parts:
            self.ask(part)
        self.due = True

    def ask_other_than(self, held: dict[str, Resource]) -> None:
        """Note what differs from the versions that a client brings along from another stream.

        "the Incremental xDS client may tell the server of its known resources to avoid resending them".
        """
        self.due = True
        for part in self.parts:
            self.ask(n for n, r in part.items() if n not in held or held[n].version != r.version)
        self.doomed.update({n: r for n, r in held.items() if self.current(n) is None})

    def drop_unwanted(self) -> None:
        """Forget what was noted of names that are no longer subscribed to."""
        covers = self.subscription.covers
        self.due = self.due and self.subscription.wildcard
        self.asked = {n: None for n in self.asked if covers(n)}
        self.changed = {n: r for n, r in self.changed.items() if covers(n)}
        self.doomed = {n: r for n, r in self.doomed.items() if covers(n)}

    @property
    def open(self) -> bool:
        """Whether there is anything left to tell."""
        return bool(self.asked or self.due or self.changed or self.doomed)

    @property
    def status(self) -> str:
        """In istioctl's words."""
        if not self.book.sent_nonce:
            return "NOT SENT"
        if self.book.rejected:
            return "NACKED"
        return "STALE" if self.book.flights or self.changed or self.doomed else "SYNCED"
