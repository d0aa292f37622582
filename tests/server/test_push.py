"""When a change is pushed: at once when it is quiet, merged in a burst, never later than the limit."""

from __future__ import annotations

import asyncio
import itertools

from miniistiod.server.push import Debounce
from tests.server.client import asynchronous, until


@asynchronous
async def test_the_first_change_is_pushed_at_once_and_changes_of_one_moment_together():
    pushes = []
    debounce = Debounce(lambda: pushes.append(1), quiet=60, longest=60)
    debounce.trigger()
    debounce.trigger()
    assert pushes == []
    await asyncio.sleep(0)
    assert pushes == [1]


@asynchronous
async def test_changes_after_a_push_wait_until_it_is_quiet():
    loop = asyncio.get_running_loop()
    pushes = []
    debounce = Debounce(lambda: pushes.append(loop.time()), quiet=0.05, longest=10)
    debounce.trigger()
    await until(lambda: len(pushes) == 1)
    for _ in range(10):
        debounce.trigger()
        last = loop.time()
        await asyncio.sleep(0.005)
    await until(lambda: len(pushes) == 2)
    assert pushes[1] - last >= 0.045


@asynchronous
async def test_a_burst_without_end_is_pushed_at_the_limit():
    loop = asyncio.get_running_loop()
    pushes = []
    debounce = Debounce(lambda: pushes.append(loop.time()), quiet=0.05, longest=0.1)
    debounce.trigger()
    await until(lambda: len(pushes) == 1)
    begin = loop.time()
    while len(pushes) < 4 and loop.time() - begin < 5:
        debounce.trigger()
        await asyncio.sleep(0.005)
    assert len(pushes) == 4
    assert all(b - a >= 0.09 for a, b in itertools.pairwise(pushes[1:]))


@asynchronous
async def test_nothing_is_pushed_after_it_was_cancelled():
    pushes = []
    debounce = Debounce(lambda: pushes.append(1), quiet=0, longest=0)
    debounce.trigger()
    debounce.cancel()
    await asyncio.sleep(0)
    assert pushes == []
