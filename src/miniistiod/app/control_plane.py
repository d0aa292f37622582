"""mini-istiod as a whole: files are watched, the mesh follows them, the servers serve it, a signal ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog

from miniistiod.analysis import analysis
from miniistiod.app import pages
from miniistiod.app.mesh_source import MeshSource
from miniistiod.app.settings import Settings
from miniistiod.config import Diagnostic, Level
from miniistiod.server.files import ConfigFiles
from miniistiod.server.jwks import TIMEOUT, KeyFetcher, get
from miniistiod.server.server import AdsServer
from miniistiod.server.signals import signals
from miniistiod.translate.request_authentication.key_set import KeySets, KeySource

if TYPE_CHECKING:
    from miniistiod.server.admin import HttpServer
    from miniistiod.server.security import Security

log = structlog.get_logger("serve")

QUIET = 2.0
"""Seconds without a change after which the whole is analysed: what is pushed must not wait for it."""

SAY = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "info"}


class ControlPlane:
    """One control plane. `run` serves until a signal, or until `stop` is called."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.source = MeshSource(settings.secure, settings.environment)
        self.security: Security | None = None
        self._issuers = {KeySource(name, url): TIMEOUT for name, url in settings.issuer_urls}
        self.server = self._server()
        self._files = ConfigFiles(settings.config)
        self._keys = KeyFetcher(get, self._fetched)
        self._stopped = asyncio.Event()
        self._changed = asyncio.Event()
        self._left = asyncio.Event()

    async def run(self) -> None:
        """Serve. FileNotFoundError: no such configuration. RuntimeError: an address is taken."""
        self._files.load()
        self._listen()
        await self.server.start()
        web = self._web()
        for each in web:
            await each.start()
        work = [self._follow(), self._analyse(), self._tidy(), self._keys.run(), self._stopped.wait()]
        if self.security is not None:
            work += self.security.work(lambda: self.server.source_changed("secret"))
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            async with signals(self._stopped):
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            log.info("stopping")
            await self.server.stop()
            for each in web:
                await each.stop()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    def _server(self) -> AdsServer:
        """The server; what makes it secure is imported when it is to be."""
        hooks: dict[str, Any] = {"connected": self._connected, "disconnected": self._disconnected}
        if self.settings.secure:
            from miniistiod.app import security

            self.security = security.security(self.settings, self.source)
            hooks |= security.hooks(self.security)
        return AdsServer(self.source, **hooks)

    def _listen(self) -> None:
        if self.settings.grpc_address:
            self.server.listen(self.settings.grpc_address)
        if self.security is None:
            return
        if self.settings.trust_plaintext:
            log.warning("whoever connects in plaintext gets private keys", address=self.settings.grpc_address)
        for address, asks in (
            (self.settings.secure_grpc_address, False),
            (self.settings.client_certificate_address, True),
        ):
            if address:
                self.server.listen(address, self.security.server_credentials(asks))

    def _web(self) -> list[HttpServer]:
        """The pages; what serves them is imported when an address is given."""
        if not self.settings.http_address and not self.settings.monitoring_address:
            return []
        from miniistiod.server.admin import HttpServer, debug_pages, monitoring_pages

        offers = (
            (self.settings.http_address, debug_pages(self.server, pages.pages(self.source))),
            (self.settings.monitoring_address, monitoring_pages(self.server)),
        )
        return [HttpServer(page, address) for address, page in offers if address]

    async def _follow(self) -> None:
        """Take each state of the files, and push what follows from it."""
        known: frozenset[str] = frozenset()
        async for store in self._files.stores():
            self.source.update(store)
            if not self.server.serving:
                rarely_collected()
            self._keys.want({**self._issuers, **self.source.key_sources})
            pages.measured(self.source, self.server.metrics)
            self.server.source_changed()
            known = reported(store.diagnostics, known)
            objects = len(store.objects)
            log.info("configuration", files=len(store.files), objects=objects, faults=len(known))
            self._changed.set()

    async def _analyse(self) -> None:
        """Say once what is odd in how the objects fit together, when they have been at rest for a while."""
        known: frozenset[str] = frozenset()
        while await self._changed.wait():
            self._changed.clear()
            await asyncio.sleep(QUIET)
            if not self._changed.is_set():
                known = reported(analysis(self.source.store, self.source.mesh, self.source.proxies), known)

    async def _tidy(self) -> None:
        """Free what was there for proxies that have left, when nobody has left for a while."""
        while await self._left.wait():
            self._left.clear()
            await asyncio.sleep(QUIET)
            if not self._left.is_set():
                self.source.forget_departed()
                self.server.forget_departed()

    def _fetched(self, key_sets: KeySets) -> None:
        if self.security is not None:
            fetched = ((source, key_sets.texts.get(source)) for source in self._issuers)
            self.security.believe((source.issuer, text) for source, text in fetched if text)
        self.source.update_keys(key_sets)
        self.server.source_changed("keys")

    def _connected(self, node: object) -> None:
        if self.source.connected(node):
            self.server.source_changed("proxy")

    def _disconnected(self, node: object) -> None:
        self._left.set()
        if self.source.disconnected(node):
            self.server.source_changed("proxy")


def reported(found: Iterable[Diagnostic], known: frozenset[str]) -> frozenset[str]:
    """Log what is newly wrong; the texts of all that is wrong now."""
    now = {d.text(): d for d in found}
    for text, what in now.items():
        if text not in known:
            say = getattr(log, SAY[what.level])
            say(
                what.message,
                place=what.place,
                field=what.path,
                object=what.subject,
                remedy=what.remedy,
                code=what.code,
            )
    return frozenset(now)


def rarely_collected() -> None:
    """Spare the garbage collector what was loaded, and look at the rest rarely.

    A full collection goes through every object of the mesh, which takes longer than a push. Hardly anything
    here is garbage that reference counts do not find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
