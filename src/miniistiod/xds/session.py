"""One client's stream as a state machine: requests and snapshots go in, responses come out.

It knows no socket, no clock and no thread. A response is made when the caller asks for one, so a client
that reads slowly gets only the latest state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from miniistiod.xds.memo import Memo
from miniistiod.xds.message import Response
from miniistiod.xds.order import may_push, may_remove
from miniistiod.xds.resource import Part, Resource, Snapshot, resource
from miniistiod.xds.state import TypeState
from miniistiod.xds.type_rules import ORDER, TYPES, rules_of

NEEDED = frozenset(rules.needs for rules in TYPES if rules.needs)
"""Types that another one waits for: endpoints."""


class NoResources:
    """The snapshot of a client that has none yet."""

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """Nothing of any type."""
        return ()


@dataclass(frozen=True, slots=True)
class News:
    """The content of a response.

    fresh: what the client did not hold in this form. added: what is pushed to it and it did not hold at all.
    kept: what is gone and still told, until nothing refers to it.
    """

    resources: tuple[Resource, ...]
    removed: tuple[str, ...] = ()
    fresh: Iterable[Resource] = ()
    added: Iterable[Resource] = ()
    kept: Part = field(default_factory=dict)


class Session:
    """What State-of-the-World and Delta have in common.

    `memo` is what streams share. `warming` are the endpoints that new clusters wait for.
    """

    def __init__(self, memo: Memo | None = None) -> None:
        self.memo = memo or Memo()
        self.snapshot: Snapshot = NoResources()
        self.states: dict[str, TypeState] = {}
        self.warming: set[str] = set()

    def update(self, snapshot: Snapshot) -> None:
        """Take another snapshot; what differs from what the client holds is due from now on."""
        if snapshot is self.snapshot:
            return
        self.snapshot = snapshot
        for state in self.states.values():
            state.move(snapshot.resources(state.rules.url), self.memo)
            if state.rules.needs and state.doomed:
                self.warming.difference_update(*(r.needs for r in state.doomed.values()))

    def response(self, now: float = 0.0) -> Response | None:
        """The next response that may go, in push order; None when there is nothing or it has to wait."""
        for state in self.states.values():
            if state.open:
                push = may_push(state, self.states, self.warming)
                made = self._made(state, push, push and may_remove(state, self.states), now)
                if made is not None:
                    state.held_since = None
                    return made
            waits = state.changed or state.doomed
            state.held_since = (now if state.held_since is None else state.held_since) if waits else None
        return None

    def release(self) -> None:
        """Open what waits for a client that never acknowledges or never asks for a cluster's endpoints."""
        self.warming.clear()
        for state in self.states.values():
            state.book.patient = False
            state.held_since = None

    @property
    def waiting_since(self) -> float | None:
        """Since when a push has been held back, by the clock given to `response`; None when none is."""
        return min((s.held_since for s in self.states.values() if s.held_since is not None), default=None)

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to tell, now or later."""
        return not any(s.open or s.held_since is not None for s in self.states.values())

    @property
    def settled(self) -> bool:
        """Whether the client has acknowledged all that it should have."""
        return not any(s.open or s.book.flights for s in self.states.values())

    @property
    def names(self) -> int:
        """How many names the client asks for, of all types together."""
        return sum(len(s.subscription.names) for s in self.states.values())

    def _made(self, state: TypeState, push: bool, remove: bool, now: float) -> Response | None:
        """A response of this type in the protocol at hand, or None when there is none to send."""
        raise NotImplementedError

    def _state(self, type_url: str) -> tuple[TypeState, bool]:
        """The state of a type, and whether this is the first request for it."""
        if (state := self.states.get(type_url)) is not None:
            return state, False
        state = TypeState(rules_of(type_url), self.snapshot.resources(type_url))
        self.states[type_url] = state
        self.states = dict(sorted(self.states.items(), key=lambda item: ORDER.get(item[0], len(ORDER))))
        return state, True

    def _landed(self, state: TypeState, nonce: str, error: str | None, now: float) -> None:
        """An ACK or NACK: endpoints have arrived; those of a rejected cluster nobody awaits."""
        landed = state.book.landed(nonce, error, now)
        if not self.warming:
            return
        for response, awaited in landed:
            if state.rules.url in NEEDED:
                self.warming.difference_update(r.name for r in response.resources)
            elif error is not None:
                self.warming -= awaited

    def _dropped(self, state: TypeState) -> None:
        """The client wants less than before."""
        state.drop_unwanted()
        if state.rules.url in NEEDED:
            self.warming &= state.subscription.names

    def _sent(self, state: TypeState, news: News, now: float) -> Response:
        """Number a response and note what follows from it."""
        version = self.memo.version(state.parts, news.kept)
        said = (state.rules.url, version, news.resources, news.removed)
        response = self.memo.response(type(self), *said, after=state.book.sent_number)
        awaited = frozenset[str]()
        if state.rules.needs:
            awaited = frozenset(n for r in news.added for n in r.needs)
            self.warming |= awaited
            self._follow(state.rules.needs, news.fresh)
        state.due = False
        state.book.departed(response, awaited, now)
        return response

    def _follow(self, type_url: str, sent: Iterable[Resource]) -> None:
        """Endpoints follow their cluster.

        "Warming of Cluster is completed only when a new ClusterLoadAssignment response is supplied by
        management server even though there is no change in endpoints."
        """
        if (state := self.states.get(type_url)) is not None:
            state.ask(n for r in sent for n in r.needs if n in state.subscription.names)


def instead(state: TypeState, name: str) -> Resource | None:
    """What a name that does not exist is answered with, if its type has such an answer."""
    return resource(name, state.rules.missing(name)) if state.rules.missing else None
