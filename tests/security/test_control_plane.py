"""The whole control plane from files: a gateway's secrets as they change, and whom it believes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.config.core.v3.base_pb2 import Node

from miniistiod.app.control_plane import ControlPlane
from miniistiod.app.settings import Settings
from miniistiod.ca import authority as ca
from miniistiod.ca import keys, tokens
from miniistiod.ca.credential import credential, server_credential
from miniistiod.ca.identity import Identity
from miniistiod.server.security import Security
from tests.security.plane import WEB, Stream, node
from tests.security.test_no_leaks import until
from tests.support.ports import free_ports

GATEWAY = Identity("cluster.local", "shop", "gateway")
NOW = datetime.now(UTC)
AUTHORITY = ca.self_signed(NOW, keys.private_key())
MESH = """
apiVersion: v1
kind: Service
metadata: {{name: gateway, namespace: shop}}
spec: {{clusterIP: 10.1.0.1, selector: {{app: gateway}}, ports: [{{name: https, port: 443}}]}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gateway, namespace: shop}}
spec:
  selector: {{app: gateway}}
  servers:
  - port: {{number: 443, name: https, protocol: HTTPS}}
    hosts: [files.example.com]
    tls: {{mode: MUTUAL, serverCertificate: {folder}/tls.crt, privateKey: {folder}/tls.key,
      caCertificates: {folder}/ca.crt}}
"""


def pair() -> tuple[bytes, bytes]:
    """A certificate and its key."""
    return server_credential(AUTHORITY, ("shop.example",), keys.private_key(), NOW, timedelta(hours=1))


def secret(name: str, data: dict[str, bytes]) -> str:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}}
    return json.dumps({**head, "data": encoded})


def mounted(volume: Path, version: str) -> bytes:
    """Files as Kubernetes mounts them: names → ..data → a folder for each version. The certificate."""
    folder = volume / version
    folder.mkdir(parents=True)
    chain, key = pair()
    for name, content in (("tls.crt", chain), ("tls.key", key), ("ca.crt", AUTHORITY.roots_pem)):
        (folder / name).write_bytes(content)
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    (volume / "next").symlink_to(version)
    (volume / "next").replace(volume / "..data")
    return chain


def router(namespace: str = "shop") -> Node:
    made = node(namespace, "gateway")
    made.id = made.id.replace("sidecar", "router")
    made.metadata.update({"LABELS": {"app": "gateway"}})
    return made


@contextlib.asynccontextmanager
async def running(folder: Path, **more: Any) -> AsyncIterator[Security]:
    """A control plane that reads folder/config."""
    (http,) = free_ports(1)
    settings = {"grpc_address": "", "secure_grpc_address": "", "monitoring_address": "", **more}
    made = Settings(
        (folder / "config",), http_address=f"127.0.0.1:{http}", ca_directory=folder / "ca", **settings
    )
    plane = ControlPlane(made)
    assert plane.security is not None
    task = asyncio.create_task(plane.run())
    try:
        await until(f"http://127.0.0.1:{http}/debug/configz", "[")
        yield plane.security
    finally:
        plane.stop()
        await task


def channel(security: Security, port: int, client: Identity | None = None) -> grpc.aio.Channel:
    """To a port of ours, perhaps with a client certificate."""
    own = client and credential(
        security.authorities.current(), client, keys.private_key(), datetime.now(UTC), timedelta(hours=1)
    )
    mine = (own.key_pem, own.chain_pem) if own else (None, None)
    return grpc.aio.secure_channel(
        f"127.0.0.1:{port}", grpc.ssl_channel_credentials(security.roots_pem, *mine)
    )


async def changed(stream: Stream) -> dict[str, bytes]:
    """The certificates of the next response, which holds what has changed."""
    got = await stream.secrets()
    return {name: bytes(s.tls_certificate.certificate_chain.inline_bytes) for name, s in got.items()}


def test_a_gateway_s_secrets_follow_their_yaml_and_their_files(tmp_path: Path) -> None:
    volume, config = tmp_path / "certs", tmp_path / "config"
    config.mkdir()
    in_files = mounted(volume, "v1")
    (tls, tls_key), (generic, generic_key) = pair(), pair()
    (config / "mesh.yaml").write_text(MESH.format(folder=volume))
    (config / "a.json").write_text(secret("a", {"tls.crt": tls, "tls.key": tls_key}))
    data = {"cert": generic, "key": generic_key, "cacert": AUTHORITY.roots_pem}
    (config / "b.json").write_text(secret("b", data))
    from_files = f"file-cert:{volume}/tls.crt~{volume}/tls.key"
    roots = {"kubernetes://b-cacert", f"file-root:{volume}/ca.crt"}
    names = ["kubernetes://a", "kubernetes://b", from_files, *roots]

    async def scenario() -> None:
        (port,) = free_ports(1)
        address = {"secure_grpc_address": f"127.0.0.1:{port}", "secret_folders": (volume,)}
        async with running(tmp_path, **address) as security, channel(security, port) as to:
            stream = Stream(to, names, router(), security.token(GATEWAY))
            got = await stream.secrets()
            assert set(got) == set(names)
            assert {got[name].validation_context.trusted_ca.inline_bytes for name in roots} == {
                AUTHORITY.roots_pem
            }
            certificates = {n: s.tls_certificate.certificate_chain.inline_bytes for n, s in got.items()}
            assert [certificates[name] for name in names[:3]] == [tls, generic, in_files]
            newer, newer_key = pair()
            (config / ".a").write_text(secret("a", {"tls.crt": newer, "tls.key": newer_key}))
            (config / ".a").replace(config / "a.json")
            assert await changed(stream) == {"kubernetes://a": newer}
            swapped = mounted(volume, "v2")
            assert await changed(stream) == {from_files: swapped}
            # A gateway of another namespace that has the labels has the servers too, but not their keys.
            other = Identity("cluster.local", "bank", "gateway")
            elsewhere = await Stream(to, [*names, "ROOTCA"], router("bank"), security.token(other)).secrets()
            assert set(elsewhere) == {"ROOTCA", f"file-root:{volume}/ca.crt"}

    asyncio.run(scenario())


@contextlib.contextmanager
def published(body: str) -> Iterator[str]:
    """The URL of a key set."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/keys"
    finally:
        server.shutdown()
        server.server_close()


async def believed(to: grpc.aio.Channel, token: str) -> bool:
    """Whether a token proves who it says."""
    try:
        return "default" in await Stream(to, ["default"], node(), token).secrets()
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise


def test_an_issuer_is_believed_once_its_keys_have_been_fetched(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    key, other = keys.private_key(), keys.private_key()
    claims = tokens.service_account_claims(WEB, NOW, issuer="corp")

    async def scenario(url: str) -> None:
        (port,) = free_ports(1)
        settings = {"secure_grpc_address": f"127.0.0.1:{port}", "issuer_urls": (("corp", url),)}
        async with running(tmp_path, **settings) as security, channel(security, port) as to:
            async with asyncio.timeout(60):
                while not security.believed:
                    await asyncio.sleep(0.01)
            assert await believed(to, tokens.minted(claims, key))
            assert not await believed(to, tokens.minted(claims, other))
            assert not await believed(to, tokens.minted({**claims, "iss": "corporation"}, key))
            assert await believed(to, security.token(WEB))

    with published(tokens.key_set([key.public_key()])) as url:
        asyncio.run(scenario(url))


def test_client_certificates_need_no_port_for_tokens(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()

    async def scenario() -> None:
        (port,) = free_ports(1)
        async with running(tmp_path, client_certificate_address=f"127.0.0.1:{port}") as security:
            async with channel(security, port, WEB) as to:
                assert set(await Stream(to, ["default"], node()).secrets()) == {"default"}
            async with channel(security, port, WEB) as to:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await Stream(to, ["default"], node("bank")).secrets()
                assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED

    asyncio.run(scenario())


@pytest.mark.parametrize("claim", [{"NAMESPACE": 5}, {"NAMESPACE": ["shop"]}, {"SERVICE_ACCOUNT": True}])
def test_a_node_whose_claims_are_no_text_is_refused(tmp_path: Path, claim: dict[str, Any]) -> None:
    (tmp_path / "config").mkdir()

    async def scenario() -> None:
        (port,) = free_ports(1)
        async with (
            running(tmp_path, secure_grpc_address=f"127.0.0.1:{port}") as security,
            channel(security, port) as to,
        ):
            strange = node()
            strange.metadata.update(claim)
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await Stream(to, ["default"], strange, security.token(WEB)).secrets()
            assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED

    asyncio.run(scenario())
