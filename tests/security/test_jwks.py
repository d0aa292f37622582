"""Key sets: fetched, refreshed, kept while their source is down, never taken for what they are not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from miniistiod.server import jwks
from miniistiod.server.fetch_error import FetchError
from miniistiod.translate.request_authentication.key_set import KeySets, KeySource

SOURCE = KeySource("issuer", "http://keys.example/jwks")
SECOND = timedelta(seconds=1)


def key_set(*names: str) -> bytes:
    return json.dumps({"keys": [{"kty": "oct", "kid": n} for n in names]}).encode()


class Web:
    """The answers of the world: a body, or None for a source that is down. Counts what is asked."""

    def __init__(self, pages: dict[str, bytes | None]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.asked_again = asyncio.Event()

    async def get(self, url: str, timeout: timedelta) -> bytes:
        self.asked.append(url)
        self.asked_again.set()
        body = self.pages.get(url)
        if body is None:
            raise FetchError("down")
        return body


def watched(web: Web, then: Callable[[jwks.KeyFetcher, asyncio.Queue[KeySets]], object]) -> None:
    """Run a fetcher beside a scenario."""

    async def run() -> None:
        heard: asyncio.Queue[KeySets] = asyncio.Queue()
        fetcher = jwks.KeyFetcher(web.get, heard.put_nowait)
        work = asyncio.create_task(fetcher.run())
        try:
            await asyncio.wait_for(then(fetcher, heard), 60)  # type: ignore[arg-type]
        finally:
            work.cancel()

    asyncio.run(run())


def test_a_key_set_is_fetched_and_told_once() -> None:
    web = Web({SOURCE.uri: key_set("a")})

    async def scenario(fetcher: jwks.KeyFetcher, heard: asyncio.Queue[KeySets]) -> None:
        fetcher.want({SOURCE: SECOND})
        assert (await heard.get()).texts == {SOURCE: key_set("a").decode()}
        fetcher.want({SOURCE: SECOND})
        assert heard.empty()
        assert web.asked == [SOURCE.uri]
        fetcher.want({})
        assert (await heard.get()).texts == {}

    watched(web, scenario)


def test_a_source_that_is_down_is_asked_again_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FIRST_RETRY", timedelta(milliseconds=1))
    web = Web({SOURCE.uri: None})

    async def scenario(fetcher: jwks.KeyFetcher, heard: asyncio.Queue[KeySets]) -> None:
        fetcher.want({SOURCE: SECOND})
        while len(web.asked) < 3:
            web.asked_again.clear()
            await web.asked_again.wait()
        assert heard.empty()
        web.pages[SOURCE.uri] = key_set("a")
        assert (await heard.get()).texts[SOURCE] == key_set("a").decode()

    watched(web, scenario)


def test_the_last_good_keys_keep_serving_and_new_ones_replace_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FIRST_RETRY", timedelta(milliseconds=1))
    monkeypatch.setattr(jwks, "REFRESH", timedelta(milliseconds=1))
    web = Web({SOURCE.uri: key_set("a", "b")})

    async def scenario(fetcher: jwks.KeyFetcher, heard: asyncio.Queue[KeySets]) -> None:
        fetcher.want({SOURCE: SECOND})
        await heard.get()
        for answer in (None, key_set("b", "a"), b"<html>sorry</html>", b'{"keys": "no list"}'):
            web.pages[SOURCE.uri] = answer
            asked = len(web.asked)
            while len(web.asked) < asked + 2:
                web.asked_again.clear()
                await web.asked_again.wait()
            assert heard.empty()
            assert fetcher.key_sets.texts[SOURCE] == key_set("a", "b").decode()
        web.pages[SOURCE.uri] = key_set("c")
        assert (await heard.get()).texts[SOURCE] == key_set("c").decode()

    watched(web, scenario)


def test_without_a_uri_the_issuer_s_openid_configuration_names_it() -> None:
    source = KeySource("https://issuer.example/", "")
    web = Web(
        {
            "https://issuer.example/.well-known/openid-configuration": b'{"jwks_uri": "https://issuer.example/k"}',
            "https://issuer.example/k": key_set("a"),
        }
    )

    async def scenario(fetcher: jwks.KeyFetcher, heard: asyncio.Queue[KeySets]) -> None:
        fetcher.want({source: SECOND})
        assert (await heard.get()).texts[source] == key_set("a").decode()

    watched(web, scenario)


def test_retries_back_off_to_an_hour() -> None:
    assert [jwks.retry_after(n).total_seconds() for n in (1, 2, 3, 12, 13, 1000)] == [
        1,
        2,
        4,
        2048,
        3600,
        3600,
    ]


def test_a_link_local_address_is_never_asked() -> None:
    with pytest.raises(FetchError, match="link-local"):
        asyncio.run(jwks.get("http://169.254.169.254/latest/meta-data", SECOND))


def test_a_real_fetch_over_http() -> None:
    body = key_set("a")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        status = b"200 OK" if request.startswith(b"GET /jwks ") else b"302 Found\r\nLocation: /jwks"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            assert await jwks.get(f"http://127.0.0.1:{port}/jwks", 5 * SECOND) == body
            with pytest.raises(FetchError, match="302"):
                await jwks.get(f"http://127.0.0.1:{port}/elsewhere", 5 * SECOND)

    asyncio.run(run())
