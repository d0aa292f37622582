"""`miniistiod proxy-status`: how far each Envoy is with each type, and why it refused what it refused."""

from __future__ import annotations

import json
from typing import Any

import click

from miniistiod.cli.pages import address_option, page
from miniistiod.cli.tables import coloured, show, terminal

TYPES = ("CDS", "LDS", "EDS", "RDS", "ECDS", "SDS")
STYLE = {"SYNCED": "green", "STALE": "yellow", "NACKED": "bold red", "NOT SENT": "dim"}


@click.command()
@click.argument("proxy", required=False)
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print it."
)
@address_option
def proxy_status(proxy: str | None, output: str, http_address: str | None) -> None:
    """Show for each proxy and type whether Envoy has what it should: SYNCED, STALE, NACKED or NOT SENT.

    Exit code 1 when a proxy refused something.
    """
    rows = page(http_address, "/debug/syncz")
    found = [row for row in rows if proxy is None or names(row, proxy)]
    if proxy is not None and not found:
        raise click.ClickException(unknown(proxy, rows))
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        shown(found)
    if any(state["status"] == "NACKED" for row in found for state in row["resources"].values()):
        raise SystemExit(1)


def short(row: dict[str, Any]) -> str:
    """NAME.NAMESPACE of a proxy."""
    parts = row["proxy"].split("~")
    return str(parts[2] if len(parts) == 4 else row["proxy"])


def names(row: dict[str, Any], proxy: str) -> bool:
    """Whether a user may call it this: NAME.NAMESPACE, its beginning, or the whole id; pod/NAME as well."""
    proxy = proxy.rpartition("/")[2]
    return proxy == row["proxy"] or short(row) == proxy or short(row).startswith((f"{proxy}.", f"{proxy}-"))


def unknown(proxy: str, rows: list[dict[str, Any]]) -> str:
    """What to say of a name that no connected proxy has."""
    return f"{proxy} is not connected; connected are: {', '.join(sorted({*map(short, rows)})) or 'none'}"


def shown(rows: list[dict[str, Any]]) -> None:
    """The table, and below it the reasons of refusals."""
    console = terminal()
    table, refusals = [], []
    for name, group in grouped(rows).items():
        states = {state["type"]: state for row in group for state in row["resources"].values()}
        cells = [states[kind]["status"] if kind in states else "-" for kind in TYPES]
        refusals += [(name, states[kind]) for kind in TYPES if kind in states and "lastError" in states[kind]]
        marks = [coloured(cell, STYLE.get(cell, "")) for cell in cells]
        table.append([name, *marks, group[0]["protocol"], group[0]["istio_version"]])
    show(console, ("NAME", *TYPES, "PROTOCOL", "VERSION"), table)
    for name, state in refusals:
        what = ", ".join(state.get("rejected", ())) or "all"
        console.print(f"\n[bold red]{name} refused {state['type']}[/]", end="")
        console.print(f" ({what}): {state['lastError']}", markup=False)


def grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The streams of each proxy: one for ADS, one for its own secrets."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=short):
        found.setdefault(short(row), []).append(row)
    return found
