"""A workload that only calls others: it sends the requests a test or a learner orders, from inside.

Orders come as JSON to POST /send of its inspector socket; the reply tells of each request its status, time
and headers. One order is many requests, because starting a process for each would be most of the time. A URL
of `tcp://HOST:PORT` or `tls://HOST:PORT` is a connection: `content` is sent, and read until the text `until`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Result = dict[str, Any]
TIMEOUT = 60
"""Seconds for a reply, unless the order says otherwise: on a busy machine a good one may take its time."""


async def result(client: httpx.AsyncClient, order: dict[str, Any]) -> Result:
    """One request: status (0 when there was none), seconds, headers and body, or the error."""
    start = time.perf_counter()
    if not order["url"].startswith("http"):
        said = await talked(order)
        return {"status": 0, "seconds": time.perf_counter() - start, **said}
    try:
        reply = await client.request(
            order.get("method", "GET"),
            order["url"],
            headers=order.get("headers"),
            content=order.get("content"),
        )
    except httpx.HTTPError as error:
        return {
            "status": 0,
            "error": f"{type(error).__name__}: {error}",
            "seconds": time.perf_counter() - start,
        }
    return {
        "status": reply.status_code,
        "seconds": time.perf_counter() - start,
        "headers": dict(reply.headers),
        "body": reply.text if order.get("bodies", True) else "",
    }


async def talked(order: dict[str, Any]) -> Result:
    """One connection: what was read as `body`, a character for each byte, or the error.

    `sni` is the name asked for with TLS, the URL's own by default; the certificate is not judged.
    """
    url = httpx.URL(order["url"])
    secure = (
        {"ssl": unjudging(), "server_hostname": order.get("sni", url.host)} if url.scheme == "tls" else {}
    )
    try:
        async with asyncio.timeout(order.get("timeout", TIMEOUT)):
            reader, writer = await asyncio.open_connection(url.host, url.port, **secure)
            writer.write(order.get("content", "").encode("latin-1"))
            body = await reader.readuntil(order.get("until", "\n").encode("latin-1"))
            writer.close()
    except (OSError, EOFError, TimeoutError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"body": body.decode("latin-1")}


def unjudging() -> ssl.SSLContext:
    """TLS that takes any certificate."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


def connections(order: dict[str, Any]) -> httpx.AsyncClient:
    """The client for an order: `keep_alive` false opens a connection for each request, `http2` true speaks
    HTTP/2 from the first byte.
    """
    concurrency = order.get("concurrency", 1)
    kept = concurrency if order.get("keep_alive", True) else 0
    return httpx.AsyncClient(
        trust_env=False,
        verify=False,
        http1=not order.get("http2", False),
        http2=order.get("http2", False),
        timeout=order.get("timeout", TIMEOUT),
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=kept),
    )


async def results(order: dict[str, Any]) -> list[Result]:
    """`count` requests, at most `concurrency` at a time."""
    gate = asyncio.Semaphore(order.get("concurrency", 1))
    async with connections(order) as client:

        async def one() -> Result:
            async with gate:
                return await result(client, order)

        return list(await asyncio.gather(*(one() for _ in range(order.get("count", 1)))))


class Loops:
    """Requests sent over and over until they are asked to stop: what a change must not disturb."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[asyncio.Task[None], list[Result]]] = {}

    def start(self, name: str, order: dict[str, Any]) -> None:
        """Begin a loop under this name."""
        seen: list[Result] = []
        self.running[name] = (asyncio.create_task(self.run(order, seen)), seen)

    async def run(self, order: dict[str, Any], seen: list[Result]) -> None:
        async with connections(order) as client:
            while True:
                seen.append(await result(client, order))
                await asyncio.sleep(order.get("pause", 0.005))

    async def stopped(self, name: str) -> list[Result]:
        """End a loop after the request under way and return what it saw."""
        task, seen = self.running.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen


def client_routes() -> list[Route]:
    """POST /send, POST /loops/NAME (start), GET (how many so far) and DELETE (stop; the results)."""
    loops = Loops()

    async def send(request: Request) -> Response:
        return JSONResponse(await results(await request.json()))

    async def loop(request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "POST":
            loops.start(name, await request.json())
            return JSONResponse({})
        if request.method == "GET":
            return JSONResponse(len(loops.running[name][1]))
        return JSONResponse(await loops.stopped(name))

    return [
        Route("/send", send, methods=["POST"]),
        Route("/loops/{name}", loop, methods=["GET", "POST", "DELETE"]),
    ]
