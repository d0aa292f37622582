"""When to push: at once when it is quiet, once for a burst, and never later than a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Debounce:
    """Calls `action` for triggers. The first after a quiet time acts at once; those that follow one another
    within `quiet` seconds are merged, for `longest` seconds at most.
    """

    def __init__(self, action: Callable[[], None], quiet: float, longest: float) -> None:
        self._action = action
        self._quiet = quiet
        self._longest = longest
        self._last = float("-inf")
        self._deadline = 0.0
        self._timer: asyncio.Handle | None = None

    def trigger(self) -> None:
        """Something changed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        recent = now - self._last < self._quiet
        self._last = now
        if self._timer is None:
            self._deadline = now + self._longest
            self._timer = loop.call_later(self._quiet, self._act) if recent else loop.call_soon(self._act)
        elif isinstance(self._timer, asyncio.TimerHandle):
            self._timer.cancel()
            self._timer = loop.call_at(min(now + self._quiet, self._deadline), self._act)

    def cancel(self) -> None:
        """Act no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _act(self) -> None:
        self._timer = None
        self._last = asyncio.get_running_loop().time()
        self._action()
