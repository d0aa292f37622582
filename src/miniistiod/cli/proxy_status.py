"""`miniistiod proxy-status`: how far each Envoy is with each type, and why it refused what it refused."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table

from miniistiod.cli.pages import address_option, page
from miniistiod.cli.tables import terminal

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
    found = [row for row in page(http_address, "/debug/syncz") if proxy is None or names(row, proxy)]
    if proxy is not None and not found:
        raise click.ClickException(f"{proxy} is not connected")
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
    """Whether a user may call it this: NAME.NAMESPACE, its beginning, or the whole id."""
    return proxy == row["proxy"] or short(row) == proxy or short(row).startswith((f"{proxy}.", f"{proxy}-"))


def shown(rows: list[dict[str, Any]]) -> None:
    """The table, and below it the reasons of refusals."""
    console = terminal()
    table = Table("NAME", *TYPES, "PROTOCOL", "VERSION", box=None)
    refusals = []
    for name, group in grouped(rows).items():
        states = {state["type"]: state for row in group for state in row["resources"].values()}
        cells = [states[kind]["status"] if kind in states else "-" for kind in TYPES]
        refusals += [(name, states[kind]) for kind in TYPES if kind in states and "lastError" in states[kind]]
        table.add_row(
            name, *(f"[{STYLE.get(c, '')}]{c}[/]" if c in STYLE else c for c in cells),
            group[0]["protocol"], group[0]["istio_version"],
        )  # fmt: skip
    console.print(table)
    for name, state in refusals:
        what = ", ".join(state.get("rejected", ())) or "all"
        console.print(
            f"\n[bold red]{name} refused {state['type']}[/] ({what}):", state["lastError"], highlight=False
        )


def grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The streams of each proxy: one for ADS, one for its own secrets."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=short):
        found.setdefault(short(row), []).append(row)
    return found
