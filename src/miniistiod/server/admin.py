"""The HTTP pages: readiness, istiod's debug pages and the metrics. They read and change nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from miniistiod.server import documents
from miniistiod.server.server import AdsServer
from miniistiod.server.watch import Watch

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Page = Callable[[], Any]
"""A page of the application: what it returns is shown as JSON."""


def debug_pages(server: AdsServer, pages: dict[str, Page]) -> Starlette:
    """The pages of `--http-address`. `pages` are the application's own: path → what to show."""

    async def ready(request: Request) -> Response:
        return PlainTextResponse("" if server.serving else "not ready\n", 200 if server.serving else 503)

    async def syncz(request: Request) -> Response:
        return JSONResponse(documents.syncz(server.connections))

    async def connections(request: Request) -> Response:
        return JSONResponse(documents.clients(server.connections))

    async def config_dump(request: Request) -> Response:
        return await dump(server, request.query_params.get("proxyID", ""))

    async def watch(request: Request) -> Response:
        types = request.query_params.get("types", "")
        proxy = request.query_params.get("proxyID", "")
        return watched(server, Watch(proxy, types.split(",") if types else ()))

    async def index(request: Request) -> Response:
        return JSONResponse(sorted(route.path for route in routes))

    def page(show: Page) -> Callable[[Request], Any]:
        async def shown(request: Request) -> Response:
            return JSONResponse(show())

        return shown

    routes = [
        Route("/ready", ready),
        Route("/debug", index),
        Route("/debug/syncz", syncz),
        Route("/debug/connections", connections),
        Route("/debug/config_dump", config_dump),
        Route("/debug/watch", watch),
        Route("/metrics", metrics_page(server)),
        *(Route(path, page(show)) for path, show in pages.items()),
    ]
    return Starlette(routes=routes)


def monitoring_pages(server: AdsServer) -> Starlette:
    """The page of `--monitoring-address`."""
    return Starlette(routes=[Route("/metrics", metrics_page(server))])


def metrics_page(server: AdsServer) -> Callable[[Request], Any]:
    """What Prometheus reads."""

    async def metrics(request: Request) -> Response:
        return Response(server.metrics.text(), media_type=METRICS_TYPE)

    return metrics


async def dump(server: AdsServer, proxy: str) -> Response:
    """The configuration of one proxy. Resources are made on this thread; only the text is made beside it."""
    if not proxy:
        return PlainTextResponse("You must provide a proxyID in the query string\n", 400)
    found = server.connections.of(proxy)
    if not found:
        return PlainTextResponse(f"Proxy {proxy!r} is not connected to this mini-istiod.\n", 404)
    offers = documents.offers(found)
    return Response(await run_in_threadpool(dumped, offers), media_type="application/json")


def watched(server: AdsServer, watch: Watch) -> Response:
    """Each message of the conversation from now on, as a line of JSON, until the reader leaves."""

    async def lines() -> AsyncIterator[str]:
        server.watchers.opened(watch, server.connections)
        try:
            async for event in watch.events():
                yield json.dumps(event) + "\n"
        finally:
            server.watchers.closed(watch)

    return StreamingResponse(lines(), media_type="application/jsonl")


def dumped(offers: documents.Offers) -> bytes:
    """The page's text."""
    return json.dumps(documents.config_dump(offers)).encode()


class HttpServer:
    """uvicorn on one address, as a task of the running loop, without its own signal handlers and logs."""

    def __init__(self, pages: Starlette, address: str) -> None:
        host, _, port = address.rpartition(":")
        quiet: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
        config = uvicorn.Config(pages, host=host.strip("[]") or "0.0.0.0", port=int(port), **quiet)
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and serve. Raises RuntimeError when the address is taken."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        try:
            await self._server.startup()
        except SystemExit:
            raise RuntimeError(f"{config.host}:{config.port} is taken") from None
        self._task = asyncio.create_task(self._server.main_loop())

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Answer what is being asked, then end."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            await self._server.shutdown()
