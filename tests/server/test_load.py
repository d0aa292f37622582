"""P28 and P32: many clients, some of which do not behave."""

from __future__ import annotations

import asyncio
import contextlib

from miniistiod.server.options import ServerOptions
from miniistiod.xds.type_rules import CDS, RDS
from tests.server.client import DELTA, Stream, asynchronous, bodies, served, some, stream, until

SLOW = 100
HERD = 1000


@asynchronous
async def test_p28_a_hundred_readers_that_stopped_reading_slow_nobody_down():
    async with (
        served(ServerOptions(release_after=0.01)) as (source, server),
        contextlib.AsyncExitStack() as held,
    ):
        source.put(CDS, some("big=0", size=300_000))
        deaf = [await held.enter_async_context(stream(server)) for _ in range(SLOW)]
        for one in deaf:
            await one.says(CDS)
        await until(lambda: len(server.connections) == SLOW)
        async with stream(server) as reader:
            await reader.asks(CDS)
            for content in range(1, 21):  # those who stopped never go on: to wait for one is to wait forever
                source.put(CDS, some(f"big={content}", size=300_000))
                server.source_changed()
                assert bodies(await reader.takes()) == [f"big={content}"]
        await until(lambda: len(server.connections) == SLOW)
        pushed = [c.session.states[CDS].book for c in server.connections]
        assert not any(book.acked_nonce for book in pushed)
        assert sum(book.sent_nonce != "" for book in pushed) == SLOW


@asynchronous
async def test_p28_a_reader_that_wakes_up_gets_the_latest_only():
    async with served(ServerOptions(release_after=0.01)) as (source, server), stream(server) as sleeper:
        source.put(CDS, some("big=0", size=3_000_000))
        await sleeper.says(CDS)
        async with stream(server) as reader:
            await reader.asks(CDS)
            for content in range(1, 51):
                source.put(CDS, some(f"big={content}", size=3_000_000))
                server.source_changed()
                await reader.takes()
        heard = []
        while not heard or heard[-1] != ["big=50"]:
            got = await sleeper.hears()
            heard.append(bodies(got))
            await sleeper.acks(got)
        assert len(heard) < 25


@asynchronous
async def test_p32_a_thousand_clients_that_come_at_once_are_all_served_and_nobody_is_dropped():
    async with served() as (source, server), contextlib.AsyncExitStack() as held:
        source.put(CDS, some(*(f"c{n}" for n in range(20))))
        source.put(RDS, some("r"))
        async with stream(server) as first:
            await first.asks(CDS)
            doors = [await held.enter_async_context(stream(server)) for _ in range(10)]
            herd = [Stream(door.channel, DELTA) for door in doors for _ in range(HERD // len(doors))]

            async def come(one: Stream) -> int:
                got = await one.asks(CDS)
                await one.asks(RDS, "r")
                return len(got.resources)

            for _ in range(2):  # they come, are cut off, and come again
                assert await asyncio.gather(*map(come, herd)) == [20] * HERD
                for one in herd:
                    one.call.cancel()
                await until(lambda: len(server.connections) == 1)
                herd = [Stream(door.channel, DELTA) for door in doors for _ in range(HERD // len(doors))]
            source.put(CDS, some("c0=2"))
            server.source_changed()
            assert bodies(await first.hears()) == ["c0=2"]
