"""The HTML of Bookinfo's pages, from what details and reviews replied.

Each star is an element of class `glyphicon-star`, as in the original, so that scripts written for it count
the same: none for reviews v1, black ones for v2, red ones for v3. The name stands nowhere else in the page,
not even in its style, because many a script only searches the text for it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Any

TITLE = "The Comedy of Errors"
SUMMARY = (
    "One of Shakespeare's early plays, and his shortest: two pairs of twins, parted at birth, "
    "meet in one town without knowing it. All that can be mistaken is."
)

FRAME = Template(Path(__file__).with_suffix(".html").read_text())


def book(user: str, details: tuple[int, Any], reviews: tuple[int, Any]) -> str:
    """The page of the book; `details` and `reviews` are status and body of the services' replies."""
    body = (
        f"<header><strong>Bookinfo</strong>{sign_in(user)}</header><main><h1>{TITLE}</h1>"
        f'<p class="summary">{SUMMARY}</p><div class="columns">'
        f"<section><h2>Book details</h2>{details_part(*details)}</section>"
        f"<section><h2>Book reviews</h2>{reviews_part(*reviews)}</section></div></main>"
    )
    return FRAME.substitute(title=f"{TITLE} - Bookinfo", body=body)


def front() -> str:
    """The page one meets first."""
    body = (
        "<header><strong>Bookinfo</strong></header><main><h1>Bookinfo</h1><p class='summary'>"
        "Four small services, three versions of one of them, and an Envoy beside each. "
        "The page of the book calls details and reviews; reviews v2 and v3 call ratings.</p>"
        "<p><a href='/productpage'>Open the page of the book</a></p>"
        "</main>"
    )
    return FRAME.substitute(title="Bookinfo", body=body)


def sign_in(user: str) -> str:
    """The login form, or the user's name and the way out."""
    if user:
        return f'<span id="user">{escape(user)}</span><a href="/logout">sign out</a>'
    return (
        '<form method="post" action="/login"><input name="username" placeholder="user, e.g. jason" '
        'aria-label="user" required><button>Sign in</button></form>'
    )


def details_part(status: int, body: Any) -> str:
    """The facts of the book."""
    if status != 200:
        return unavailable("Sorry, product details are currently unavailable for this book.", status, body)
    rows = "".join(
        f"<dt>{escape(str(k)).capitalize()}</dt><dd>{escape(str(v))}</dd>"
        for k, v in body.items()
        if k != "id"
    )
    return f"<dl>{rows}</dl>"


def reviews_part(status: int, body: Any) -> str:
    """The opinions with their stars, and which version of reviews they come from."""
    if status != 200:
        return unavailable("Sorry, product reviews are currently unavailable for this book.", status, body)
    version = escape(str(body.get("version", "")))
    served = f'<p class="served">Reviews served by <span id="reviews-version">{version}</span>'
    opinions = "".join(
        f"<blockquote><p>{escape(r['text'])}</p><small>{escape(r['reviewer'])}</small>{stars(r.get('rating'))}</blockquote>"
        for r in body["reviews"]
    )
    return f"{opinions}{served}, <code>{escape(str(body.get('podname', '')))}</code></p>"


def stars(rating: dict[str, Any] | None) -> str:
    """The stars of one opinion: nothing when the version shows none."""
    if rating is None:
        return ""
    if "error" in rating:
        return f'<p class="error">{escape(rating["error"])}</p>'
    full, colour = int(rating["stars"]), escape(str(rating["color"]))
    given = f'<i class="glyphicon glyphicon-star {colour}"></i>' * full
    lost = '<i class="unlit"></i>' * (5 - full)
    return f'<div class="stars" title="{full} of 5">{given}{lost}</div>'


def unavailable(message: str, status: int, body: Any) -> str:
    """What the page says when a service did not answer well."""
    return f'<p class="error">{message}</p><p class="served">{status}: {escape(str(body))[:300]}</p>'
