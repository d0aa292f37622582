"""When a change is pushed: at once when it is quiet, merged in a burst, never later than the limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from miniistiod.server.push import Debounce


class Simulated(asyncio.SelectorEventLoop):
    """A loop whose clock goes on to the next thing to do when nothing else is left: exact on any machine."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


class Pushes:
    """The moments in which it was pushed."""

    def __init__(self, quiet: float, longest: float) -> None:
        self.times: list[float] = []
        self.debounce = Debounce(lambda: self.times.append(self.now), quiet, longest)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def triggered(self, count: int, pause: float) -> None:
        """So many changes, with a pause after each."""
        for _ in range(count):
            self.debounce.trigger()
            await asyncio.sleep(pause)


def simulated(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it on the simulated clock."""
    with asyncio.Runner(loop_factory=Simulated) as runner:
        runner.run(scenario())


def test_the_first_change_is_pushed_at_once_and_changes_of_one_moment_together() -> None:
    async def scenario() -> None:
        pushes = Pushes(quiet=60, longest=60)
        pushes.debounce.trigger()
        pushes.debounce.trigger()
        assert pushes.times == []
        await asyncio.sleep(0)
        assert pushes.times == [0]

    simulated(scenario)


def test_changes_after_a_push_wait_until_it_is_quiet() -> None:
    async def scenario() -> None:
        pushes = Pushes(quiet=2, longest=60)
        await pushes.triggered(11, pause=1)
        await asyncio.sleep(60)
        assert pushes.times == [0, 12]

    simulated(scenario)


def test_a_burst_without_end_is_pushed_at_the_limit() -> None:
    """The limit counts from the first change that waits."""

    async def scenario() -> None:
        pushes = Pushes(quiet=2, longest=4.5)
        await pushes.triggered(15, pause=1)
        assert pushes.times == [0, 5.5, 10.5]

    simulated(scenario)


@pytest.mark.parametrize(("pause", "times"), [(1.5, [0, 3.5]), (2.5, [0, 2.5])])
def test_a_change_is_pushed_at_once_only_after_a_quiet_time(pause: float, times: list[float]) -> None:
    async def scenario() -> None:
        pushes = Pushes(quiet=2, longest=60)
        await pushes.triggered(2, pause)
        await asyncio.sleep(60)
        assert pushes.times == times

    simulated(scenario)


def test_nothing_is_pushed_after_it_was_cancelled() -> None:
    async def scenario() -> None:
        pushes = Pushes(quiet=0, longest=0)
        pushes.debounce.trigger()
        pushes.debounce.cancel()
        await asyncio.sleep(1)
        assert pushes.times == []

    simulated(scenario)
