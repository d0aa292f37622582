"""mini-istiod as a whole: files are watched, the mesh follows them, the servers serve it, a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import structlog

from miniistiod.app.mesh_source import MeshSource
from miniistiod.app.settings import Settings
from miniistiod.config import Level, Store
from miniistiod.server.files import ConfigFiles
from miniistiod.server.server import AdsServer

log = structlog.get_logger("serve")


class ControlPlane:
    """One control plane. `run` serves until a signal, or until `stop` is called."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.source = MeshSource()
        self.server = AdsServer(self.source, connected=self._connected, disconnected=self._disconnected)
        self._files = ConfigFiles(settings.config)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Serve. Raises FileNotFoundError for a configuration that is not there, RuntimeError for a taken address."""
        self._files.load()
        if self.settings.grpc_address:
            self.server.listen(self.settings.grpc_address)
        await self.server.start()
        follow = asyncio.create_task(self._follow())
        try:
            async with signals(self._stopped):
                stopped = asyncio.create_task(self._stopped.wait())
                await asyncio.wait({follow, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if follow.done():
                    follow.result()
        finally:
            follow.cancel()
            log.info("stopping")
            await self.server.stop()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    async def _follow(self) -> None:
        """Take each state of the files, and push what follows from it."""
        known: frozenset[str] = frozenset()
        async for store in self._files.stores():
            self.source.update(store)
            self.server.source_changed()
            known = self._report(store, known)

    def _report(self, store: Store, known: frozenset[str]) -> frozenset[str]:
        """Log what is newly wrong; the texts of all that is wrong now."""
        found = {d.text(): d for d in store.diagnostics}
        for text in found.keys() - known:
            what = found[text]
            say = log.error if what.level is Level.ERROR else log.warning
            say(what.message, place=what.place, field=what.path, object=what.subject, remedy=what.remedy, code=what.code)
        log.info("configuration", files=len(store.files), objects=len(store.objects), faults=len(found))
        return frozenset(found)

    def _connected(self, node: object) -> None:
        self.source.connected(node)
        self.server.source_changed("proxy")

    def _disconnected(self, node: object) -> None:
        self.source.disconnected(node)
        self.server.source_changed("proxy")


@contextlib.asynccontextmanager
async def signals(stopped: asyncio.Event) -> AsyncIterator[None]:
    """SIGTERM and SIGINT set the event while this lasts."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
