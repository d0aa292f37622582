"""One child process of a lab: started, logged, started again when it dies, ended for good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SHORTEST, LONGEST = 0.2, 5.0
"""Seconds to wait before a process is started again; doubled at each failure, reset by a good run."""
GOOD_RUN = 10.0
GRACE = 2.0
"""Seconds between the polite and the rude end of a process."""


class Process:
    """A supervised process. `argv` is asked for at each start, since a pod's namespaces may have changed."""

    def __init__(
        self, name: str, argv: Callable[[], Sequence[str]], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name, self.argv, self.log, self.env = name, argv, log, env
        self.restarts = 0
        self.running: asyncio.subprocess.Process | None = None
        self.keeper: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """ "running", "waiting" (it died and will be started again) or "stopped"."""
        if self.keeper is None or self.keeper.done():
            return "stopped"
        return "running" if self.running and self.running.returncode is None else "waiting"

    @property
    def pid(self) -> int:
        """Its process id, as the lab's own namespace counts; 0 when it does not run."""
        return self.running.pid if self.running and self.running.returncode is None else 0

    def keep(self) -> None:
        """Start it and keep it running."""
        if self.keeper is None or self.keeper.done():
            self.keeper = asyncio.create_task(self.kept(), name=self.name)

    async def kept(self) -> None:
        loop, pause = asyncio.get_running_loop(), SHORTEST
        while True:
            begun = loop.time()
            await self.start()
            assert self.running
            await self.running.wait()
            pause = SHORTEST if loop.time() - begun > GOOD_RUN else min(pause * 2, LONGEST)
            self.restarts += 1
            await asyncio.sleep(pause)

    async def start(self) -> None:
        """One start; its output is appended to the log."""
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                *self.argv(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
            )

    async def stop(self) -> None:
        """End it, and do not start it again."""
        if self.keeper:
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)
        if self.running is None or self.running.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.running.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.running.wait(), GRACE)
            except TimeoutError:
                self.running.kill()
                await self.running.wait()
