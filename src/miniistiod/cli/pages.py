"""The debug pages of a running control plane, as the commands read them."""

from __future__ import annotations

from typing import Any

import click
import httpx

from miniistiod.app.settings import HTTP
from miniistiod.cli.lab_state import pages_address

address_option = click.option(
    "--http-address",
    envvar="MINIISTIOD_HTTP_ADDRESS",
    metavar="HOST:PORT",
    help=f"The control plane's --http-address.  [default: the lab's if it runs, else {HTTP}]",
)


def pages_of(address: str | None) -> str:
    """The address of the pages: the one given, else the running lab's, else the usual one."""
    return address or pages_address() or HTTP


def no_answer(where: str, error: Exception) -> click.ClickException:
    """What to say when there is no control plane."""
    return click.ClickException(
        f"no control plane answers at {where} ({error}); start one with `miniistiod lab up` or "
        "`miniistiod serve`, or name it with --http-address"
    )


def page(address: str | None, path: str, **query: str) -> Any:
    """A page's JSON. ClickException when there is no control plane, or with what it says instead."""
    where = pages_of(address)
    try:
        answer = httpx.get(f"http://{where}{path}", params=query, timeout=30)
    except httpx.HTTPError as error:
        raise no_answer(where, error) from None
    if answer.is_error:
        raise click.ClickException(answer.text.strip())
    return answer.json()
