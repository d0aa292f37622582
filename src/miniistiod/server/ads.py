"""The discovery services: one reader and one writer for each stream, and the session between them.

A stream begins with a node. Whatever is heard goes into the session; the writer sends what the session
has to say, one response after the other, each made from the latest state at the moment it can be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from miniistiod.server.connections import Connection, Connections, Refusal
from miniistiod.server.dialects import Dialect
from miniistiod.server.metrics import Metrics
from miniistiod.server.options import ServerOptions
from miniistiod.server.watch import Watchers
from miniistiod.xds.memo import Memo
from miniistiod.xds.message import Response
from miniistiod.xds.resource import Snapshot, Source

log = structlog.get_logger("ads")
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
INVALID = grpc.StatusCode.INVALID_ARGUMENT
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED

Authorise = Callable[[Any, Any], Awaitable[Any]]
"""(context, node) → the identity of the caller; raises Refusal when the caller may not be this node."""


Visible = Callable[[Snapshot, Any, Any], Snapshot]
"""(snapshot, node, identity) → what of it this caller may have; the same object while nothing changed."""


async def anyone(context: Any, node: Any) -> None:
    """No identity is asked for."""


def everything(snapshot: Snapshot, node: Any, identity: Any) -> Snapshot:
    """Nothing is kept from anybody."""
    return snapshot


class Streams:
    """Serves streams from a source. `serving` is false before the first full load and when shutting down."""

    def __init__(
        self,
        source: Source,
        options: ServerOptions,
        connections: Connections,
        authorise: Authorise,
        metrics: Metrics,
        visible: Visible = everything,
    ) -> None:
        self.source = source
        self.options = options
        self.connections = connections
        self.authorise = authorise
        self.visible = visible
        self.metrics = metrics
        self.memo = Memo(f"{secrets.token_hex(4)}-")
        self.watchers = Watchers()
        self.serving = False

    async def stream(self, dialect: Dialect, only: str, context: Any) -> None:
        """One stream, from its first request to its end."""
        try:
            connection, request = await self._opened(dialect, only, context)
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.reason)
        reader = asyncio.create_task(self._read(connection, request, only, context))
        try:
            await self._write(connection, context)
            reader.cancel()  # before the stream is ended under it: that would be a fault to it
            if connection.refusal is not None:
                raise connection.refusal
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.reason)
        finally:
            reader.cancel()
            self.connections.closed(connection)
            self.watchers.stream(connection, "disconnected")
            self.metrics.disconnected(connection)

    async def _opened(self, dialect: Dialect, only: str, context: Any) -> tuple[Connection, Any]:
        """Admit a stream, or say why not."""
        self._check()
        request = await self._request(dialect, only, context)
        self._check()  # it may have waited long for a word of its client
        if request is None or request.node is None or not request.node.id:
            raise Refusal(INVALID, "the first request of a stream must have a node with an id")
        identity = await self.authorise(context, request.node)
        session = dialect.session(self.memo)
        session.update(self.visible(self.source.snapshot(request.node), request.node, identity))
        connection = Connection(dialect, request.node, context.peer(), identity, session, time.time())
        self.connections.opened(connection)
        self.watchers.stream(connection, "connected")
        self.metrics.connected(connection)
        return connection, request

    def _check(self) -> None:
        """Refuse what must not begin now."""
        if not self.serving:
            raise Refusal(UNAVAILABLE, "not serving: the configuration is not loaded yet, or no more")
        if len(self.connections) >= self.options.max_streams:
            raise Refusal(EXHAUSTED, f"more than {self.options.max_streams} streams")

    async def _request(self, dialect: Dialect, only: str, context: Any) -> Any:
        """The next request, None at the end of the stream."""
        data = await context.read()
        if data is grpc.aio.EOF:
            return None
        try:
            request = dialect.request(data)
        except DecodeError as error:
            raise Refusal(INVALID, f"not a discovery request: {error}") from error
        return typed(request, only)

    async def _read(self, connection: Connection, request: Any, only: str, context: Any) -> None:
        """Take requests into the session until the client ends the stream or breaks a rule, or we end it:
        what a herd has asked before a stop would take long to work out, for nobody.
        """
        try:
            while request is not None and connection.refusal is None:
                self._receive(connection, request)
                request = await self._request(connection.dialect, only, context)
            connection.end()
        except Refusal as refusal:
            connection.end(refusal)
        except Exception as error:  # a fault of ours must end this stream, not leave it deaf
            log.exception("stream failed", proxy=connection.node.id)
            connection.end(Refusal(grpc.StatusCode.INTERNAL, repr(error)))

    def _receive(self, connection: Connection, request: Any) -> None:
        """One request."""
        self.watchers.receive(connection, request, time.time())
        if connection.session.names > self.options.max_names:
            raise Refusal(EXHAUSTED, f"more than {self.options.max_names} names on a stream")
        self.metrics.received(connection, request)
        if request.error is not None:
            log.warning("rejected", proxy=connection.node.id, type=request.type_url, reason=request.error)
        if not connection.session.at_rest:
            connection.wake.set()

    async def _write(self, connection: Connection, context: Any) -> None:
        """Send what is due, as fast as the client reads; one that has said all still gets its answers."""
        while connection.refusal is None:
            connection.wake.clear()
            connection.news = False
            snapshot = self.source.snapshot(connection.node)
            connection.session.update(self.visible(snapshot, connection.node, connection.identity))
            response = self.watchers.response(connection, time.time())
            if response is None and connection.ended:
                return
            if response is None:
                await self._wait(connection)
                continue
            await self._send(connection, context, response)

    async def _send(self, connection: Connection, context: Any, response: Response) -> None:
        """One response. Nothing of it must stay behind in a writer that waits: there are many of them."""
        start = time.perf_counter()
        data = connection.dialect.response(response)
        await context.write(data)
        self.metrics.sent(connection, response, len(data), time.perf_counter() - start)

    async def _wait(self, connection: Connection) -> None:
        """Until something happens; a push that waits too long for the client goes without it."""
        since = connection.session.waiting_since
        if since is None:
            if connection.session.settled:
                connection.changed_at = None  # the change was none for this client
            await connection.wake.wait()
            return
        left = since + self.options.release_after - time.time()
        if left <= 0:
            connection.session.release()
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(connection.wake.wait(), left)


def typed(request: Any, only: str) -> Any:
    """The request with its type; on a service of one type it may be left out, on ADS it may not."""
    if only and not request.type_url:
        return replace(request, type_url=only)
    if not request.type_url:
        raise Refusal(INVALID, "a request on an aggregated stream must have a type_url")
    if only and request.type_url != only:
        raise Refusal(INVALID, f"this service serves {only}, not {request.type_url}")
    return request
