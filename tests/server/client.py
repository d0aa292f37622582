"""A server on a free port, and a client that speaks the protocol word by word."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from miniistiod.server.options import ServerOptions
from miniistiod.server.server import AdsServer
from miniistiod.xds.resource import Resource, resource
from miniistiod.xds.static import StaticSource

ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
SOTW = f"/{ADS}/StreamAggregatedResources"
DELTA = f"/{ADS}/DeltaAggregatedResources"
SECONDS = 60
"""How long anything may take before the test fails; nothing waits for it."""


def asynchronous(test):
    """Run a coroutine as a test."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


def some(*texts: str, size: int = 0) -> list[Resource]:
    """Resources from `name` or `name=content`, blown up to a size."""
    pairs = [text.partition("=") for text in texts]
    return [resource(name, f"{name}={content}".encode() + b"x" * size) for name, _, content in pairs]


@asynccontextmanager
async def served(options: ServerOptions | None = None, loaded: bool = True, **how) -> AsyncIterator:
    """A source and its server, stopped at exit."""
    source = StaticSource()
    server = AdsServer(source, options, **how)
    server.listen("127.0.0.1:0")
    await server.start()
    if loaded:
        server.source_changed()
    try:
        yield source, server
    finally:
        await server.stop(0)


def node(name: str = "n") -> base_pb2.Node:
    return base_pb2.Node(id=f"sidecar~10.0.0.1~{name}.default~default.svc.cluster.local")


class Stream:
    """One stream; `says` sends a request, `hears` waits for a response."""

    def __init__(self, channel: grpc.aio.Channel, method: str) -> None:
        self.channel = channel
        self.delta = "/Delta" in method
        kind = "Delta" if self.delta else ""
        self.request = getattr(discovery_pb2, f"{kind}DiscoveryRequest")
        response = getattr(discovery_pb2, f"{kind}DiscoveryResponse")
        call = channel.stream_stream(
            method,
            request_serializer=self.request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self.call = call()
        self.first = True

    async def says(self, type_url: str, *names: str, with_node: bool = True, **fields) -> None:
        request = self.request(type_url=type_url, **fields)
        (request.resource_names_subscribe if self.delta else request.resource_names).extend(names)
        if self.first and with_node:
            request.node.CopyFrom(node())
            self.first = False
        with contextlib.suppress(grpc.aio.AioRpcError):  # a stream that was ended tells why when it is read
            await self.call.write(request)

    async def hears(self):
        async with asyncio.timeout(SECONDS):
            got = await self.call.read()
        assert got is not grpc.aio.EOF, f"{await self.call.code()}: {await self.call.details()}"
        return got

    async def acks(self, got, *names: str) -> None:
        version = {} if self.delta else {"version_info": got.version_info}
        await self.says(got.type_url, *(() if self.delta else names), response_nonce=got.nonce, **version)

    async def asks(self, type_url: str, *names: str, **fields):
        """Say, hear and acknowledge."""
        await self.says(type_url, *names, **fields)
        got = await self.hears()
        await self.acks(got, *names)
        return got

    async def takes(self):
        """Hear a push and acknowledge it."""
        got = await self.hears()
        await self.acks(got)
        return got

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """How the server ended the stream."""
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(grpc.aio.AioRpcError):
                while await self.call.read() is not grpc.aio.EOF:
                    pass
            return await self.call.code(), await self.call.details()


@asynccontextmanager
async def stream(server: AdsServer, method: str = DELTA, options: Iterable = ()) -> AsyncIterator[Stream]:
    """A stream on a connection of its own."""
    settings = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1), *options]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.ports[0]}", options=settings) as channel:
        one = Stream(channel, method)
        yield one
        one.call.cancel()


async def until(condition) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def bodies(got) -> list[str]:
    """What a response holds, readable."""
    values = [r.resource.value if hasattr(r, "resource") else r.value for r in got.resources]
    return sorted(v.decode().rstrip("x").removesuffix("=") for v in values)
