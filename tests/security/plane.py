"""A control plane on loopback with nothing but its security, and a raw client; the test moves the clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from envoy.config.core.v3.base_pb2 import Node
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3 import discovery_pb2

from miniistiod.ca.identity import Identity
from miniistiod.server import certificates
from miniistiod.server.security import Security, SecurityOptions
from miniistiod.server.server import AdsServer
from miniistiod.xds.resource import Part, resource
from miniistiod.xds.type_rules import SDS

WEB = Identity("cluster.local", "shop", "web")
GATEWAY_SECRET = "kubernetes://shop-tls"
PATIENCE = 60


@dataclass(slots=True)
class Clock:
    """A clock that goes only when told."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


class OneSecret:
    """The mesh's part of a snapshot: one gateway secret."""

    part: Part

    def __init__(self) -> None:
        message = Secret(name=GATEWAY_SECRET)
        message.tls_certificate.private_key.inline_bytes = b"gateway-private-key"
        self.part = {GATEWAY_SECRET: resource(GATEWAY_SECRET, message.SerializeToString())}

    def resources(self, type_url: str) -> tuple[Part, ...]:
        return (self.part,) if type_url == SDS else ()


class Mesh:
    """A source that gives everybody the same."""

    def __init__(self) -> None:
        self.whole = OneSecret()

    def snapshot(self, node: Any) -> OneSecret:
        return self.whole


@dataclass(slots=True)
class Plane:
    """A running server: on TLS, in plaintext, and on TLS with client certificates."""

    security: Security
    server: AdsServer
    clock: Clock

    def token(self, identity: Identity = WEB) -> str:
        return self.security.token(identity)

    def channel(self, tls: bool = True) -> grpc.aio.Channel:
        secure, plain, _ = self.server.ports
        if not tls:
            return grpc.aio.insecure_channel(f"127.0.0.1:{plain}")
        return grpc.aio.secure_channel(
            f"127.0.0.1:{secure}", grpc.ssl_channel_credentials(self.security.roots_pem)
        )

    def mutual_channel(self, chain: bytes, key: bytes) -> grpc.aio.Channel:
        """A channel with a client certificate."""
        credentials = grpc.ssl_channel_credentials(self.security.roots_pem, key, chain)
        return grpc.aio.secure_channel(f"127.0.0.1:{self.server.ports[2]}", credentials)

    def pass_time(self, by: timedelta) -> None:
        """Move the clock and have the server look at it."""
        self.clock.now += by
        self.security.secrets.wake()
        self.server.source_changed()


@contextlib.asynccontextmanager
async def plane(directory: Path, **options: Any) -> AsyncIterator[Plane]:
    """A server for the time of a test."""
    clock = Clock()
    security = Security(
        SecurityOptions(directory / "authority", **options), lambda: "cluster.local", clock=clock
    )
    server = AdsServer(
        Mesh(),
        authorise=security.doorkeeper.authorise,
        visible=security.secrets.visible,
        handlers=[security.certificates.handler],
        services=[certificates.SERVICE],
    )
    server.listen("127.0.0.1:0", security.server_credentials())
    server.listen("127.0.0.1:0")
    server.listen("127.0.0.1:0", security.server_credentials(client_certificates=True))
    await server.start()
    server.source_changed()
    tasks = [asyncio.create_task(work) for work in security.work(server.source_changed)]
    try:
        yield Plane(security, server, clock)
    finally:
        for task in tasks:
            task.cancel()
        await server.stop(0)


class Stream:
    """One SDS stream that acknowledges what it gets."""

    def __init__(
        self, channel: grpc.aio.Channel, names: Sequence[str], node: Node, token: str | None = None
    ) -> None:
        method = channel.stream_stream(
            "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
            request_serializer=discovery_pb2.DiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DiscoveryResponse.FromString,
        )
        self._call = method(metadata=[("authorization", f"Bearer {token}")] if token else [])
        self._names = list(names)
        self._node: Node | None = node

    async def secrets(self) -> Mapping[str, Secret]:
        """The next response. Raises AioRpcError when the stream is refused."""
        if self._node is not None:
            await self._ask(node=self._node)
            self._node = None
        response = await asyncio.wait_for(self._call.read(), PATIENCE)
        if response is grpc.aio.EOF:
            await asyncio.wait_for(self._call.wait_for_connection(), PATIENCE)
            raise AssertionError(f"ended: {await self._call.code()} {await self._call.details()}")
        await self._ask(version_info=response.version_info, response_nonce=response.nonce)
        return {s.name: s for s in (Secret.FromString(r.value) for r in response.resources)}

    async def _ask(self, **fields: Any) -> None:
        request = discovery_pb2.DiscoveryRequest(type_url=SDS, resource_names=self._names, **fields)
        await self._call.write(request)


def node(namespace: str = "shop", account: str = "web") -> Node:
    """The Node of a sidecar of this service account."""
    made = Node(id=f"sidecar~10.0.0.1~{account}-0.{namespace}~{namespace}.svc.cluster.local")
    made.metadata.update({"NAMESPACE": namespace, "SERVICE_ACCOUNT": account})
    return made
