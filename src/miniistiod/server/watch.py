"""Who watches the conversation with which Envoy: each message of it as JSON, without what it carries.

Names, sizes, versions and documents are told, never the content of a resource. When nobody watches, a message
costs one look at an empty list.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from miniistiod.server.connections import Connection, short_name
from miniistiod.server.documents import timestamp, type_status
from miniistiod.xds.message import Response
from miniistiod.xds.transcript import Heard, Item, Said, before, heard, owed, said
from miniistiod.xds.type_rules import rules_of

Json = dict[str, Any]
ROOM = 1000
"""Messages that wait for a watcher that does not read; the oldest are lost beyond that, and counted."""


@dataclass(eq=False)
class Watch:
    """One watcher. `proxy` is a node id, NAME.NAMESPACE, NAME, or "" for all; no `types` are all of them."""

    proxy: str
    types: Collection[str]
    waiting: asyncio.Queue[Json | None] = field(default_factory=lambda: asyncio.Queue(ROOM))
    lost: int = 0

    def wants(self, node_id: str) -> bool:
        """Whether it watches this Envoy."""
        short = short_name(node_id)
        return self.proxy in ("", node_id, short, short.partition(".")[0])

    def tell(self, event: Json | None) -> None:
        """Hand over an event; None ends the watch."""
        if event is not None and self.types and event.get("type", "") not in {"", *self.types}:
            return
        while self.waiting.full():
            self.waiting.get_nowait()
            self.lost += 1
        self.waiting.put_nowait(event)

    async def events(self) -> AsyncIterator[Json]:
        """The events as they come, until the end; a gap is told by how many are missing."""
        while (event := await self.waiting.get()) is not None:
            if self.lost:
                yield {"time": timestamp(time.time()), "event": "lost", "count": self.lost}
                self.lost = 0
            yield event


class Watchers:
    """All watchers of a server. Every message goes through here, by the shortest way when nobody watches."""

    def __init__(self) -> None:
        self._all: list[Watch] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._all)

    def opened(self, watch: Watch, connections: Iterable[Connection]) -> Watch:
        """Begin, with how far the streams are that are open now."""
        self._all.append(watch)
        if self._ended:
            watch.tell(None)
        found = [connection for connection in connections if watch.wants(connection.node.id)]
        watch.tell({"time": timestamp(time.time()), "event": "watching", "streams": len(found)})
        for connection in found:
            watch.tell({**head(connection), "event": "is connected", "types": standing(connection)})
        return watch

    def closed(self, watch: Watch) -> None:
        """Forget a watcher."""
        self._all.remove(watch)

    def end(self) -> None:
        """End all of them: the server goes away."""
        self._ended = True
        for watch in self._all:
            watch.tell(None)

    def receive(self, connection: Connection, request: Any, now: float) -> None:
        """Take a request into its session, and tell who watches it."""
        session = connection.session
        if not self._watched(connection):
            session.receive(request, now)
            return
        was = before(session, request.type_url)
        session.receive(request, now)
        self._tell(connection, asked(heard(request, was, session)))

    def response(self, connection: Connection, now: float) -> Response | None:
        """The next response of a session; who watches it is told."""
        session = connection.session
        if not self._watched(connection):
            unseen: Response | None = session.response(now)
            return unseen
        was = owed(session)
        made: Response | None = session.response(now)
        if made is not None:
            self._tell(connection, answered(said(made, was)))
        return made

    def stream(self, connection: Connection, event: str) -> None:
        """A stream begins or ends."""
        self._tell(connection, {"event": event, "protocol": connection.dialect.name, "peer": connection.peer})

    def _watched(self, connection: Connection) -> bool:
        return bool(self._all) and any(watch.wants(connection.node.id) for watch in self._all)

    def _tell(self, connection: Connection, event: Json) -> None:
        for watch in self._all:
            if watch.wants(connection.node.id):
                watch.tell({**head(connection), **event})


def head(connection: Connection) -> Json:
    """When, and on which stream of whom."""
    who = {"proxy": short_name(connection.node.id), "stream": connection.number}
    return {"time": timestamp(time.time()), **who}


def standing(connection: Connection) -> Json:
    """How far each type is, and how many names the client asks for: `*` is all."""
    return {
        state.rules.name: {
            "status": type_status(state)["status"],
            "names": (["*"] if state.subscription.wildcard else []) + sorted(state.subscription.names),
            "acked": state.book.acked_nonce,
        }
        for state in connection.session.states.values()
    }


def asked(request: Heard) -> Json:
    """A request as an event."""
    told = {
        "answer": request.verdict,
        "nonce": request.nonce,
        "error": request.error,
        "subscribe": list(request.subscribed),
        "unsubscribe": list(request.unsubscribed),
    }
    shown = {key: value for key, value in told.items() if value}
    return {"event": "request", "type": rules_of(request.type_url).name, **shown}


def answered(response: Said) -> Json:
    """A response as an event."""
    size = sum(each.size for each in response.items)
    told = {"nonce": response.nonce, "version": response.version, "bytes": size}
    items = [described(each) for each in response.items]
    return {"event": "response", "type": rules_of(response.type_url).name, **told, "resources": items}


def described(item: Item) -> Json:
    """One resource of a response."""
    still = {each.key for each in item.because}
    documents = {
        "because": [named(each) for each in item.because],
        "lost": [named(each) for each in item.lost if each.key not in still],
    }
    facts = {"version": item.version, "bytes": item.size, **documents}
    return {"name": item.name, "why": item.why, **{key: value for key, value in facts.items() if value}}


def named(document: Any) -> str:
    """A document as a user would name it, and where it stands."""
    kind, namespace, name = document.key
    return f"{kind} {namespace}/{name} ({document.origin})"
