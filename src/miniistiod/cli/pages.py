"""The debug pages of a running control plane, as the commands read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import httpx

from miniistiod.app.settings import HTTP
from miniistiod.lab.state import State
from miniistiod.lab.supervisor import CONTROL_PLANE

address_option = click.option(
    "--http-address",
    envvar="MINIISTIOD_HTTP_ADDRESS",
    metavar="HOST:PORT",
    help=f"The control plane's --http-address.  [default: the lab's if it runs, else {HTTP}]",
)


def lab_address() -> str | None:
    """Where the lab publishes the pages of its control plane, if it runs."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    state = State(Path(os.environ.get("MINIISTIOD_LAB_STATE") or base / "miniistiod" / "lab"))
    port = state.told().get("published", {}).get(CONTROL_PLANE) if state.alive() else None
    return f"127.0.0.1:{port}" if port else None


def page(address: str | None, path: str, **query: str) -> Any:
    """A page's JSON. ClickException when there is no control plane, or with what it says instead."""
    where = address or lab_address() or HTTP
    try:
        answer = httpx.get(f"http://{where}{path}", params=query, timeout=30)
    except httpx.HTTPError as error:
        raise click.ClickException(
            f"no control plane answers at {where} ({error}); start one with `miniistiod lab up` or "
            "`miniistiod serve`, or name it with --http-address"
        ) from None
    if answer.is_error:
        raise click.ClickException(answer.text.strip())
    return answer.json()
