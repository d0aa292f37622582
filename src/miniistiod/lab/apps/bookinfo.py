"""Bookinfo's services: details, reviews v1 to v3 and ratings as JSON, productpage as HTML (see page.py).

The calls are Bookinfo's: productpage asks details and reviews, reviews v2 and v3 ask ratings. Where a
service lives and how long one waits for it can be set by the environment, as in the original.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from miniistiod.lab.apps.tracing import forwarded_headers

STARS = {"v2": "black", "v3": "red"}
"""The colour of the stars of each version of reviews; v1 shows none."""

DETAILS = {
    "id": 0,
    "author": "William Shakespeare",
    "year": 1595,
    "type": "paperback",
    "pages": 200,
    "publisher": "PublisherA",
    "language": "English",
    "ISBN-10": "1234567890",
    "ISBN-13": "123-1234567890",
}
OPINIONS = (
    (
        "Reviewer1",
        "A comedy that is still funny after four centuries, with a plot about plots that go wrong.",
    ),
    ("Reviewer2", "Fun to read, and a fair warning about what happens when two people share one name."),
)
RATINGS = {"Reviewer1": 5, "Reviewer2": 4}


@dataclass(frozen=True)
class Upstream:
    """A service that another one calls: `seconds` is how long one attempt may take."""

    name: str
    seconds: float
    attempts: int = 1

    async def reply(self, client: httpx.AsyncClient, path: str, request: Request) -> tuple[int, Any]:
        """Status and JSON body of the first attempt that comes back; 503 and a reason when none does."""
        url = f"http://{os.environ.get(self.name.upper() + '_HOSTNAME', self.name)}:9080{path}"
        reason = ""
        for _ in range(self.attempts):
            try:
                reply = await client.get(
                    url, headers=forwarded_headers(request.headers), timeout=self.seconds
                )
                return reply.status_code, reply.json() if reply.status_code == 200 else reply.text
            except (httpx.HTTPError, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
        return 503, reason


def waiting(service: str, default: float) -> float:
    """Seconds to wait for a service: SERVICE_TIMEOUT of the environment, else the default."""
    return float(os.environ.get(f"{service.upper()}_TIMEOUT", default))


def outgoing() -> httpx.AsyncClient:
    """A client that keeps no connection, so that every call is balanced and counted on its own."""
    return httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


async def health(_: Request) -> Response:
    """Says that the server runs."""
    return JSONResponse({"status": "healthy"})


def details() -> Starlette:
    """The facts of a book."""

    async def book(request: Request) -> Response:
        return JSONResponse(DETAILS | {"id": int(request.path_params["id"])})

    return Starlette(routes=[Route("/health", health), Route("/details/{id:int}", book)])


def ratings() -> Starlette:
    """The stars that each reviewer gives; POST changes them."""
    given = dict(RATINGS)

    async def stars(request: Request) -> Response:
        if request.method == "POST":
            given.update(await request.json())
        return JSONResponse({"id": int(request.path_params["id"]), "ratings": given})

    routes = [Route("/health", health), Route("/ratings/{id:int}", stars, methods=["GET", "POST"])]
    return Starlette(routes=routes)


def reviews(version: str) -> Starlette:
    """What readers wrote; v2 and v3 add the stars that ratings knows."""
    client = outgoing()
    upstream = Upstream("ratings", waiting("ratings", 10))

    async def written(request: Request) -> Response:
        book = int(request.path_params["id"])
        colour = STARS.get(version)
        opinions: list[dict[str, Any]] = [{"reviewer": who, "text": text} for who, text in OPINIONS]
        if colour:
            status, body = await upstream.reply(client, f"/ratings/{book}", request)
            for opinion in opinions:
                opinion["rating"] = rating(colour, status, body, opinion["reviewer"])
        pod = socket.gethostname()
        return JSONResponse({"id": str(book), "podname": pod, "version": version, "reviews": opinions})

    return Starlette(routes=[Route("/health", health), Route("/reviews/{id:int}", written)])


def rating(colour: str, status: int, body: Any, reviewer: str) -> dict[str, Any]:
    """The stars of one reviewer, or why there are none."""
    if status != 200:
        return {"error": "Ratings service is currently unavailable"}
    return {"stars": body["ratings"].get(reviewer, 0), "color": colour}
