"""What a workload has served, and a second small app through which tests and learners read it.

Requests go in through an ASGI middleware; they come out as JSON on a Unix socket, which no sidecar
captures and no request of the mesh can reach.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = 5000
"""Requests remembered; the count goes on beyond it."""


class Recorder:
    """The requests a server has seen, newest last."""

    def __init__(self) -> None:
        self.count = 0
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def seen(self, **request: Any) -> MutableMapping[str, Any]:
        """Remember one request; the entry may be completed later, by its status."""
        self.count += 1
        self.requests.append(request)
        return request

    def clear(self) -> None:
        """Forget everything and count from zero."""
        self.count = 0
        self.requests.clear()


class Recorded:
    """An ASGI app whose requests are written down in a Recorder."""

    def __init__(self, app: ASGIApp, recorder: Recorder) -> None:
        self.app, self.recorder = app, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        entry = self.recorder.seen(
            at=time.time(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            peer=(scope.get("client") or ("",))[0],
        )

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        await self.app(scope, receive, sent)


def inspector(recorder: Recorder) -> Starlette:
    """The app that shows a recorder: GET /count, GET /requests, DELETE /requests."""

    async def count(_: Request) -> Response:
        return JSONResponse(recorder.count)

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            recorder.clear()
        return JSONResponse(list(recorder.requests))

    return Starlette(routes=[Route("/count", count), Route("/requests", requests, methods=["GET", "DELETE"])])
