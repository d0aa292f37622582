"""Tokens and private keys never reach a log, a page, a dump, an error or the repr of an object."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import grpc
import httpx
import pytest

from miniistiod.app.control_plane import ControlPlane
from miniistiod.app.settings import Settings
from miniistiod.ca import tokens
from miniistiod.server import authority_store, logs
from miniistiod.server.security import Security
from miniistiod.xds.type_rules import SDS
from tests.security.plane import WEB, Stream, node
from tests.support.ports import free_ports

WATCH = "/debug/watch"
GATEWAY_KEY = "Z2F0ZXdheS1wcml2YXRlLWtleS0x"
CONFIG = f"""
apiVersion: v1
kind: Secret
metadata: {{name: shop-tls, namespace: shop}}
type: kubernetes.io/tls
data: {{tls.crt: Y2VydA==, tls.key: {GATEWAY_KEY}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: typo, namespace: shop}}
stringData: {{tls.key: string-private-key-2, tls.crt: [wrong]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: shop-tls, namespace: shop}}
data: {{tls.crt: Y2VydA==, tls.key: {GATEWAY_KEY}}}
"""


async def until(page: str, wanted: str) -> str:
    """The page once it has the wanted word."""
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                text = (await client.get(page)).text
                if wanted in text:
                    return text
            await asyncio.sleep(0.01)


async def watched(http: str, begun: asyncio.Event) -> str:
    """All that a watcher of every conversation is told, until the control plane ends."""
    lines = []
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{http}{WATCH}", timeout=60) as answer,
    ):
        async for line in answer.aiter_lines():
            begun.set()
            lines.append(line)
    return "\n".join(lines)


async def seen(security: Security, port: int, http: str) -> list[str]:
    """What can be read from outside while a gateway and a sidecar hold their secrets."""
    credentials = grpc.ssl_channel_credentials(security.roots_pem)
    texts = []
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        gateway = node()
        gateway.id = gateway.id.replace("sidecar", "router")
        names = ["default", "ROOTCA", "kubernetes://shop-tls"]
        stream = Stream(channel, names, gateway, security.token(WEB))
        got = await stream.secrets()
        assert set(got) == set(names)
        texts.append(await until(f"{http}/debug/config_dump?proxyID={gateway.id}", SDS))
        assert "shop-tls" in texts[0]
        for bad in ("junk", security.token(WEB)[:-4] + "AAAA"):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await Stream(channel, names, node(), bad).secrets()
            texts.append(repr(error.value))
        async with httpx.AsyncClient(trust_env=False) as client:
            pages = (await client.get(f"{http}/debug")).json()
            assert "/debug/configz" in pages
            for page in set(pages) - {WATCH}:
                texts.append((await client.get(f"{http}{page}")).text)
        texts.append(repr(security))
    return texts


def test_nothing_that_can_be_read_holds_a_key_or_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    minted: list[str] = []
    plain = tokens.minted
    monkeypatch.setattr(tokens, "minted", lambda *a: minted.append(plain(*a)) or minted[-1])
    (tmp_path / "config.yaml").write_text(CONFIG)

    async def scenario() -> list[str]:
        xds, http = free_ports(2)
        settings = Settings(
            (tmp_path / "config.yaml",), "", f"127.0.0.1:{xds}", f"127.0.0.1:{http}", "", tmp_path / "ca"
        )
        control_plane = ControlPlane(settings)
        assert control_plane.security is not None
        running = asyncio.create_task(control_plane.run())
        try:
            await until(f"http://127.0.0.1:{http}/debug/configz", "[")
            begun = asyncio.Event()
            watching = asyncio.create_task(watched(f"http://127.0.0.1:{http}", begun))
            await begun.wait()
            texts = await seen(control_plane.security, xds, f"http://127.0.0.1:{http}")
        finally:
            control_plane.stop()
            await running
        told = await watching
        assert '"SDS"' in told
        assert "kubernetes://shop-tls" in told
        return [*texts, told]

    logs.configured("json", "debug")
    texts = asyncio.run(scenario())
    texts.append("".join(capfd.readouterr()))
    assert "stopping" in texts[-1]
    secrets = [GATEWAY_KEY, "gateway-private-key-1", "string-private-key-2", "PRIVATE KEY", *minted]
    for name in (authority_store.KEY, authority_store.TOKEN_KEY):
        secrets += [line for line in (tmp_path / "ca" / name).read_text().splitlines() if len(line) > 20]
    assert len(minted) == 2
    for text in texts:
        for secret in secrets:
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text
