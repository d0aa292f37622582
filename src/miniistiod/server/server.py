"""The xDS server: addresses, services, health, reflection, the start, the push and the graceful stop.

server = AdsServer(source)
server.listen("127.0.0.1:15010")
await server.start()
server.source_changed()   # the first call begins serving, each later one pushes
await server.stop()
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from miniistiod.server.ads import Authorise, Streams, Visible, anyone, everything
from miniistiod.server.connections import Connections, Refusal
from miniistiod.server.dialects import SERVICES, Dialect
from miniistiod.server.metrics import Metrics
from miniistiod.server.options import ServerOptions, channel_options
from miniistiod.server.push import Debounce
from miniistiod.server.reflection import enable_reflection
from miniistiod.server.watch import Watchers
from miniistiod.xds.resource import Source


def _ignore(node: Any) -> None:
    """Nobody wants to know."""


def _nothing() -> None:
    """Nothing is to be done before a push."""


class AdsServer:
    """Serves one source on any number of addresses.

    connected, disconnected: called with the Envoy Node for each stream. pushing: called once before each
    push, for work that is done once for a burst of changes. handlers: further gRPC services,
    such as the one for certificates; `services` are their names, for reflection.
    """

    def __init__(
        self,
        source: Source,
        options: ServerOptions | None = None,
        *,
        authorise: Authorise = anyone,
        visible: Visible = everything,
        connected: Callable[[Any], None] = _ignore,
        disconnected: Callable[[Any], None] = _ignore,
        pushing: Callable[[], None] = _nothing,
        handlers: Sequence[grpc.GenericRpcHandler] = (),
        services: Sequence[str] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self.options = options or ServerOptions()
        self.metrics = metrics or Metrics()
        self.connections = Connections(connected, disconnected)
        self.ports: list[int] = []
        self._streams = Streams(source, self.options, self.connections, authorise, self.metrics, visible)
        self._debounce = Debounce(self._push, self.options.quiet, self.options.longest_wait)
        self._pushing = pushing
        self._handlers, self._services = tuple(handlers), tuple(services)
        self._addresses: list[tuple[str, grpc.ServerCredentials | None]] = []
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> None:
        """Listen there once started; with credentials over TLS. Port 0 takes a free one, see `ports`."""
        self._addresses.append((address, credentials))

    async def start(self) -> None:
        """Bind and answer; streams are refused as UNAVAILABLE until `source_changed` was called.

        Raises RuntimeError when an address is taken.
        """
        server = grpc.aio.server(options=channel_options(self.options))
        server.add_generic_rpc_handlers((*discovery_handlers(self._streams), *self._handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        enable_reflection((*SERVICES, *self._services, health.SERVICE_NAME), server)
        self.ports = [bound(server, *address) for address in self._addresses]
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        await server.start()
        self._server = server

    @property
    def serving(self) -> bool:
        """Whether the first full load is done and no stop was asked for."""
        return self._streams.serving

    @property
    def watchers(self) -> Watchers:
        """Who watches the conversations of its streams."""
        return self._streams.watchers

    def source_changed(self, reason: str = "config") -> None:
        """The source has something new: push it, at once when it is quiet.

        The first call says that the source is fully loaded: serving begins.
        """
        self.metrics.changed(reason)
        now = time.time()
        for connection in self.connections:
            connection.changed_at = connection.changed_at or now
            connection.news = True
        if not self._streams.serving and not self._stopping:
            self._streams.serving = True
            self._soon(self._health.set("", health_pb2.HealthCheckResponse.SERVING))
        self._debounce.trigger()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after this, and keep it from being collected."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, grace: float | None = None) -> None:
        """Refuse new streams, let each writer finish the response it is sending, end the streams, go away.

        Nothing is pushed on the way out, so every client keeps what it has.
        """
        self._stopping = True
        self._streams.serving = False
        self._debounce.cancel()
        self.watchers.end()
        await self._health.enter_graceful_shutdown()
        for connection in self.connections:
            connection.end(Refusal(grpc.StatusCode.UNAVAILABLE, "the server is shutting down"))
        if self._server is not None:
            patience = self.options.grace if grace is None else grace
            ending = asyncio.create_task(self._server.stop(patience))
            # gRPC waits, beyond its grace, for peers that no longer read; nobody who stops a server does
            await asyncio.wait({ending}, timeout=patience + 1)

    def forget_departed(self) -> None:
        """Free what streams shared; those that stay work it out again when they need it."""
        self._streams.memo.forget()
        self._streams.memo.forget()

    def _push(self) -> None:
        """Wake every writer; each takes the news when its client can read them."""
        self._pushing()
        self._streams.memo.forget()
        for connection in self.connections:
            connection.wake.set()


def bound(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """The port that was bound."""
    if credentials is None:
        return int(server.add_insecure_port(address))
    return int(server.add_secure_port(address, credentials))


def discovery_handlers(streams: Streams) -> list[grpc.GenericRpcHandler]:
    """Every method of every service, served by `Streams.stream`; bytes in, bytes out."""

    def method(dialect: Dialect, only: str) -> grpc.RpcMethodHandler:
        async def behaviour(requests: Any, context: Any) -> None:
            await streams.stream(dialect, only, context)

        return grpc.stream_stream_rpc_method_handler(behaviour)

    return [
        grpc.method_handlers_generic_handler(service, {name: method(*how) for name, how in methods.items()})
        for service, methods in SERVICES.items()
    ]
