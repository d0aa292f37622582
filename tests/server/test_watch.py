"""Watching a conversation: what is told of each message, to whom, and at what price when nobody looks."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from miniistiod.server.admin import HttpServer, debug_pages
from miniistiod.server.watch import ROOM, Watch
from miniistiod.xds.type_rules import CDS, EDS, RDS
from tests.server.client import DELTA, SECONDS, SOTW, asynchronous, served, some, stream, until


class Lines:
    """The events of a watch."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.aiter_lines()

    async def next(self, event: str) -> dict:
        """The next event of this kind; the time of each is there."""
        async with asyncio.timeout(SECONDS):
            async for line in self.lines:
                found = json.loads(line)
                assert found.pop("time").endswith("Z")
                if found["event"] == event:
                    return found
        raise AssertionError(f"the watch ended without {event}")


@asynccontextmanager
async def watching(server, **query):
    http = HttpServer(debug_pages(server, {}), "127.0.0.1:0")
    await http.start()
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}", timeout=SECONDS) as client,
        client.stream("GET", "/debug/watch", params=query) as answer,
    ):
        lines = Lines(answer)
        await lines.next("watching")
        yield lines
    await until(lambda: not server.watchers)
    await http.stop()


@asynchronous
async def test_a_conversation_from_its_first_word():
    async with served() as (source, server), watching(server, proxyID="n") as lines:
        source.put(CDS, some("a"))
        async with stream(server, DELTA) as client:
            got = await client.asks(CDS)
            opened = await lines.next("connected")
            assert (opened["proxy"], opened["protocol"]) == ("n.default", "Delta")
            first = await lines.next("request")
            assert (first["type"], first["subscribe"]) == ("CDS", ["*"])
            assert "answer" not in first
            answer = await lines.next("response")
            assert (answer["type"], answer["nonce"]) == ("CDS", got.nonce)
            (told,) = answer["resources"]
            body = got.resources[0].resource.value
            assert (told["name"], told["why"], told["bytes"]) == ("a", "asked for", len(body))
            assert told["version"] == got.resources[0].version
            assert await lines.next("request") | {"stream": 0} == {
                "event": "request", "type": "CDS", "answer": "ACK", "nonce": got.nonce,
                "proxy": "n.default", "stream": 0,
            }  # fmt: skip
        assert (await lines.next("disconnected"))["stream"] == opened["stream"]


@pytest.mark.parametrize("method", [DELTA, SOTW])
@asynchronous
async def test_a_rejection_with_its_reason_and_names_that_come_and_go(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(EDS, some("x", "y"))
        got = await client.asks(EDS, "x", "y")
        (connection,) = server.connections
        await until(lambda: connection.session.states[EDS].status == "SYNCED")
        async with watching(server) as lines:
            known = await lines.next("is connected")
            assert known["types"]["EDS"]["names"] == ["x", "y"]
            assert known["types"]["EDS"]["acked"] == got.nonce
            source.put(EDS, some("x", "y=2"))
            server.source_changed()
            pushed = await client.hears()
            told = await lines.next("response")
            assert {"name": "y", "why": "changed"}.items() <= told["resources"][-1].items()
            await client.says(
                EDS, *(() if client.delta else ("x", "y")),
                response_nonce=pushed.nonce, error_detail={"message": "y: no"},
            )  # fmt: skip
            refused = await lines.next("request")
            assert (refused["answer"], refused["error"], refused["nonce"]) == ("NACK", "y: no", pushed.nonce)
            if client.delta:
                await client.says(EDS, "z", resource_names_unsubscribe=["x"])
            else:
                await client.says(EDS, "y", "z", response_nonce=pushed.nonce)
            changed = await lines.next("request")
            assert (changed["subscribe"], changed["unsubscribe"]) == (["z"], ["x"])


@asynchronous
async def test_only_the_proxy_and_the_types_that_were_asked_for():
    async with served() as (source, server), stream(server) as client:
        async with watching(server, types="RDS") as routes:
            source.put(CDS, some("a"))
            await client.asks(CDS)
            await client.asks(RDS, "r")
            assert (await routes.next("request"))["type"] == "RDS"
        async with watching(server, proxyID="other.default") as other:
            await client.asks(EDS, "x")
            await server.stop(0)
            with pytest.raises(AssertionError, match="ended without"):
                await other.next("request")


@asynchronous
async def test_a_watcher_that_does_not_read_loses_the_oldest_and_is_told():
    watch = Watch("", ())
    for number in range(ROOM + 2):
        watch.tell({"number": number})
    events = watch.events()
    assert (await anext(events))["count"] == 2
    assert await anext(events) == {"number": 2}


@asynchronous
async def test_without_a_watcher_a_message_is_not_looked_at(monkeypatch):
    def looked_at(*_):
        raise AssertionError("nobody watches")

    for name in ("before", "heard", "owed", "said"):
        monkeypatch.setattr(f"miniistiod.server.watch.{name}", looked_at)
    async with served() as (source, server), stream(server) as client:
        source.put(CDS, some("a"))
        assert len((await client.asks(CDS)).resources) == 1
