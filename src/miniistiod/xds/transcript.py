"""A session before and after a message → what the message said and why, for those who watch a conversation.

Nobody calls this on the way of a message that nobody watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from miniistiod.xds.message import DeltaRequest, Response, SotwRequest
from miniistiod.xds.resource import Part, Resource
from miniistiod.xds.session import NEEDED, Session
from miniistiod.xds.subscription import WILDCARD

Verdict = Literal["", "ACK", "NACK", "STALE"]
Why = Literal["asked for", "its cluster was sent", "new", "changed", "gone", "not there", "whole state"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A request. `verdict` is "" for one that answers no response, and "STALE" for one that answers a
    response of long ago. The subscription is told by what it gained and lost.
    """

    type_url: str
    verdict: Verdict
    nonce: str
    error: str
    subscribed: tuple[str, ...]
    unsubscribed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of a response, or one that is gone (then it has no version and no size).

    `because` are the documents it is made from now and was not made from before, and those it lost.
    """

    name: str
    why: Why
    version: str = ""
    size: int = 0
    because: tuple[Any, ...] = ()
    lost: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A response."""

    type_url: str
    nonce: str
    version: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """What there was of a type before a message: the names, and the responses without an answer."""

    names: frozenset[str] = frozenset()
    flights: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Owed:
    """What a session had to tell of a type before it made a response, and what its client held of it."""

    asked: frozenset[str]
    changed: Mapping[str, Resource | None]
    doomed: Mapping[str, Resource]
    parts: tuple[Part, ...]

    def documents(self, then: bool) -> set[int]:
        """The identities of the documents that all resources were made from `then`, or are made from now."""
        now = {name: each for part in self.parts for name, each in part.items()}
        known = {**now, **self.changed, **self.doomed} if then else now
        return {id(origin) for each in known.values() if each is not None for origin in each.origins}


def before(session: Session, type_url: str) -> Before:
    """To be kept while a request is taken into the session."""
    state = session.states.get(type_url)
    if state is None:
        return Before()
    return Before(names_of(session, type_url), frozenset(state.book.flights))


def names_of(session: Session, type_url: str) -> frozenset[str]:
    """What the client is subscribed to, `*` among it."""
    wants = session.states[type_url].subscription
    return frozenset(wants.names) | ({WILDCARD} if wants.wildcard else set())


def heard(request: SotwRequest | DeltaRequest, was: Before, session: Session) -> Heard:
    """What the request said, after the session took it."""
    now = names_of(session, request.type_url)
    again = request.subscribe if isinstance(request, DeltaRequest) else ()
    return Heard(
        request.type_url,
        verdict(request, was),
        request.nonce,
        request.error or "",
        tuple(sorted(now - was.names | {*again})),
        tuple(sorted(was.names - now)),
    )


def verdict(request: SotwRequest | DeltaRequest, was: Before) -> Verdict:
    """ "ACK or NACK is determined by the absence or presence of error_detail." """
    if not request.nonce:
        return ""
    if request.nonce not in was.flights:
        return "STALE"
    return "ACK" if request.error is None else "NACK"


def owed(session: Session) -> dict[str, Owed]:
    """To be kept while a session makes a response."""
    return {
        url: Owed(frozenset(state.asked), dict(state.changed), dict(state.doomed), state.parts)
        for url, state in session.states.items()
    }


def said(response: Response, was: Mapping[str, Owed]) -> Said:
    """What the response tells and why, given what was owed before it."""
    debt = was[response.type_url]
    answer: Why = "its cluster was sent" if response.type_url in NEEDED else "asked for"
    were, are = debt.documents(then=True), debt.documents(then=False)
    told = [item(each, debt, answer, were) for each in response.resources]
    gone = [absent(name, debt, are) for name in response.removed]
    return Said(response.type_url, response.nonce, response.version, (*told, *gone))


def item(resource: Resource, debt: Owed, answer: Why, were: set[int]) -> Item:
    """One resource: a name that was asked for is answered even if nothing of it changed."""
    name, held = resource.name, debt.changed.get(resource.name)
    why: Why = "whole state"
    if name in debt.changed:
        why = "new" if held is None else "changed"
    elif name in debt.asked:
        why = answer
    gained, lost = differing(held, resource) if held is not None else ((), ())
    because = unknown(resource, were) if why == "new" else gained
    return Item(name, why, resource.version, len(resource.body), because, lost)


def absent(name: str, debt: Owed, are: set[int]) -> Item:
    """A name that is told as gone, or as never there."""
    held = debt.doomed.get(name)
    return Item(name, "not there") if held is None else Item(name, "gone", lost=unknown(held, are))


def unknown(resource: Resource, documents: set[int]) -> tuple[Any, ...]:
    """What it is made from and nothing else is; all of it when there is no such document."""
    return tuple(o for o in resource.origins if id(o) not in documents) or resource.origins


def differing(old: Resource, new: Resource) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The documents that only the new one is made from, and those that only the old one was."""
    were, are = {id(each) for each in old.origins}, {id(each) for each in new.origins}
    return (
        tuple(each for each in new.origins if id(each) not in were),
        tuple(each for each in old.origins if id(each) not in are),
    )
