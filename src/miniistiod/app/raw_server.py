"""A file of Envoy resources → a server that gives them to every client: for lessons about the protocol."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog
import yaml

from miniistiod.server.admin import HttpServer, debug_pages
from miniistiod.server.messages import UnknownMessage
from miniistiod.server.raw import raw_source
from miniistiod.server.server import AdsServer
from miniistiod.server.signals import signals
from miniistiod.xds.static import StaticSource

log = structlog.get_logger("serve")
INTERVAL = 0.2
"""Seconds between two looks at the file."""


async def served(file: Path, grpc_address: str, http_address: str) -> None:
    """Serve until a signal ends it. Raises RuntimeError for a taken address, ValueError for a bad file."""
    source, text = StaticSource(), file.read_text()
    if fault := taken(source, text):
        raise ValueError(f"{file}: {fault}")
    server = AdsServer(source)
    server.listen(grpc_address)
    await server.start()
    server.source_changed()
    web = HttpServer(debug_pages(server, {}), http_address)
    await web.start()
    log.info("serving", file=str(file), xds=grpc_address, pages=http_address)
    stopped = asyncio.Event()
    async with signals(stopped):
        while not await done(stopped):
            with suppress(OSError):  # a file that is being replaced
                before, text = text, file.read_text()
            if text != before:
                if fault := taken(source, text):
                    log.error(fault, file=str(file), remedy="what was right before keeps being served")
                server.source_changed()
    await server.stop()
    await web.stop()


def taken(source: StaticSource, text: str) -> str:
    """Put the resources of this text into the source; what is wrong with it, "" when nothing is."""
    try:
        raw_source(text, source)
    except (UnknownMessage, yaml.YAMLError) as fault:
        return str(fault)
    return ""


async def done(stopped: asyncio.Event) -> bool:
    """Whether it is time to stop, after a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(INTERVAL):
            await stopped.wait()
    return stopped.is_set()
