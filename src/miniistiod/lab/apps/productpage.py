"""productpage: asks details and reviews for a book and shows both as one HTML page, with a login.

A user who signed in is named to every other service by the header `end-user`.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from miniistiod.lab.apps import page
from miniistiod.lab.apps.bookinfo import Upstream, health, outgoing, waiting

COOKIE = "bookinfo-user"
CLIENT = outgoing()
DETAILS = Upstream("details", waiting("details", 4))
REVIEWS = Upstream("reviews", waiting("reviews", 4), attempts=2)


def named(request: Request) -> str:
    """The user this request speaks for, written into its headers; "" for a guest."""
    user = request.cookies.get(COOKIE, "") or request.headers.get("end-user", "")
    if user:
        MutableHeaders(scope=request.scope)["end-user"] = user
    return user


async def book(request: Request) -> Response:
    """The page of the one book. A part that cannot be had is told on the page, which itself is always 200."""
    user = named(request)
    asked = Request(request.scope)
    details, reviews = await asyncio.gather(
        DETAILS.reply(CLIENT, "/details/0", asked), REVIEWS.reply(CLIENT, "/reviews/0", asked)
    )
    return HTMLResponse(page.book(user, details, reviews))


async def front(_: Request) -> Response:
    """The way in."""
    return HTMLResponse(page.front())


async def login(request: Request) -> Response:
    """Sign in by name; there is no password to get wrong."""
    form = (await request.body()).decode()
    user = dict(part.split("=", 1) for part in form.split("&") if "=" in part).get("username", "")
    back = RedirectResponse(request.headers.get("referer") or "/productpage", status_code=302)
    back.set_cookie(COOKIE, "".join(c for c in user if c.isalnum() or c in "-_.")[:64], httponly=True)
    return back


async def logout(request: Request) -> Response:
    """Be a guest again."""
    back = RedirectResponse(request.headers.get("referer") or "/productpage", status_code=302)
    back.delete_cookie(COOKIE)
    return back


async def products(_: Request) -> Response:
    """The list of books, as the original's API has it."""
    return JSONResponse([{"id": 0, "title": page.TITLE, "descriptionHtml": page.SUMMARY}])


def proxied(upstream: Upstream, path: str) -> Route:
    """A route of the API that hands on what another service says."""

    async def reply(request: Request) -> Response:
        named(request)
        status, body = await upstream.reply(
            CLIENT, f"/{upstream.name}/{request.path_params['id']}", Request(request.scope)
        )
        return JSONResponse(body if status == 200 else {"error": body}, status_code=status)

    return Route(path, reply)


def productpage() -> Starlette:
    """The whole app."""
    return Starlette(
        routes=[
            Route("/", front),
            Route("/health", health),
            Route("/productpage", book),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout),
            Route("/api/v1/products", products),
            proxied(DETAILS, "/api/v1/products/{id:int}"),
            proxied(REVIEWS, "/api/v1/products/{id:int}/reviews"),
        ]
    )
