"""An httpbin-like server: it tells what it was asked, and behaves badly when asked to.

`/status/503`, `/delay/2.5`, `/flaky/KEY/2` (fails twice, then works) and a WebSocket echo at `/ws`
are what the exercises on faults, retries and timeouts need.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
import socket
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
LONGEST = 3600.0
"""Seconds; a longer delay is cut to this."""

Handler = Callable[[Request], Awaitable[Response]]


def joined(headers: Headers) -> dict[str, str]:
    """Headers as one would write them down: those that came more than once in one line."""
    return {name: ", ".join(headers.getlist(name)) for name in headers}


async def asked(request: Request) -> dict[str, Any]:
    """What this request was."""
    return {
        "method": request.method,
        "url": str(request.url),
        "args": dict(request.query_params),
        "headers": joined(request.headers),
        "origin": request.client.host if request.client else "",
        "data": (await request.body()).decode("utf-8", "replace"),
        "hostname": socket.gethostname(),
    }


async def anything(request: Request) -> Response:
    """The whole request as JSON."""
    return JSONResponse(await asked(request))


async def status(request: Request) -> Response:
    """The status asked for; of a comma-separated list, one at random."""
    codes = [int(code) for code in request.path_params["codes"].split(",")]
    return PlainTextResponse("", status_code=random.choice(codes))


async def delay(request: Request) -> Response:
    """The request as JSON, after the seconds asked for."""
    await asyncio.sleep(min(request.path_params["seconds"], LONGEST))
    return await anything(request)


async def headers(request: Request) -> Response:
    """The request's headers."""
    return JSONResponse({"headers": joined(request.headers)})


async def address(request: Request) -> Response:
    """The address the request came from, as this server sees it."""
    return JSONResponse({"origin": request.client.host if request.client else ""})


async def hostname(_: Request) -> Response:
    """The name of the workload that answers."""
    return JSONResponse({"hostname": socket.gethostname()})


async def response_headers(request: Request) -> Response:
    """A reply with the headers given as query parameters."""
    return JSONResponse(dict(request.query_params), headers=dict(request.query_params))


async def redirect(request: Request) -> Response:
    """A chain of so many redirects, to /anything."""
    left = request.path_params["n"]
    return RedirectResponse(f"/redirect/{left - 1}" if left > 1 else "/anything", status_code=302)


async def octets(request: Request) -> Response:
    """So many zero bytes."""
    return Response(b"\0" * request.path_params["n"], media_type="application/octet-stream")


async def decoded(request: Request) -> Response:
    """The bytes that the path holds in base64."""
    try:
        return Response(base64.urlsafe_b64decode(request.path_params["text"]))
    except binascii.Error:
        return PlainTextResponse("this is no base64", status_code=400)


async def stream(request: Request) -> Response:
    """So many lines, one every tenth of a second."""

    async def lines() -> AsyncIterator[str]:
        for number in range(request.path_params["n"]):
            yield f'{{"id": {number}}}\n'
            await asyncio.sleep(0.1)

    return StreamingResponse(lines(), media_type="application/json")


async def cookies(request: Request) -> Response:
    """The request's cookies."""
    return JSONResponse({"cookies": dict(request.cookies)})


async def random_uuid(_: Request) -> Response:
    """A UUID."""
    return JSONResponse({"uuid": str(uuid.uuid4())})


async def echo(socket_: WebSocket) -> None:
    """A WebSocket that sends back each message."""
    await socket_.accept()
    async for message in socket_.iter_text():
        await socket_.send_text(message)


def flaky() -> Handler:
    """`/flaky/KEY/N`: 503 for the first N requests of a key, 200 from then on."""
    seen: Counter[str] = Counter()

    async def handler(request: Request) -> Response:
        key = request.path_params["key"]
        seen[key] += 1
        failing = seen[key] <= request.path_params["n"]
        return JSONResponse({"request": seen[key]}, status_code=503 if failing else 200)

    return handler


def httpbin(every_path: bool = False) -> Starlette:
    """The whole app; with `every_path` it answers any other path like /anything, in place of another app."""
    routes: dict[str, Handler] = {
        "/anything": anything,
        "/anything/{rest:path}": anything,
        "/get": anything,
        "/post": anything,
        "/put": anything,
        "/status/{codes}": status,
        "/delay/{seconds:float}": delay,
        "/headers": headers,
        "/ip": address,
        "/hostname": hostname,
        "/response-headers": response_headers,
        "/redirect/{n:int}": redirect,
        "/bytes/{n:int}": octets,
        "/base64/{text}": decoded,
        "/stream/{n:int}": stream,
        "/cookies": cookies,
        "/uuid": random_uuid,
        "/flaky/{key}/{n:int}": flaky(),
    }
    every: list[Route | WebSocketRoute] = [
        Route(path, handler, methods=METHODS) for path, handler in routes.items()
    ]
    rest = Route("/{rest:path}" if every_path else "/", anything, methods=METHODS)
    return Starlette(routes=[*every, WebSocketRoute("/ws", echo), rest])
