"""`miniistiod analyze`: what is wrong or odd in a whole configuration, in istioctl's words and exit codes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import click

from miniistiod.analysis import analysis
from miniistiod.cli.output import printed
from miniistiod.cli.pages import address_option, page
from miniistiod.cli.translate import stored
from miniistiod.mesh.snapshot import snapshot

FOUND = 79
"""istioctl's exit code when there is an error; like istioctl, only text output has it."""

ORDER = {"Error": 0, "Warning": 1, "Info": 2}
Row = dict[str, Any]


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-f", "--filename", "files", multiple=True, help="File or folder; - is standard input.")
@click.option("--lab", is_flag=True, help="Beside what the running control plane serves.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", help="How to print it."
)
@click.option(
    "--failure-threshold",
    type=click.Choice([*ORDER], case_sensitive=False),
    default="Error",
    show_default=True,
    help="The least level that gives exit code 79.",
)
@click.option(
    "--output-threshold",
    type=click.Choice([*ORDER], case_sensitive=False),
    default="Info",
    show_default=True,
    help="The least level that is printed.",
)
@click.option(
    "-S",
    "--suppress",
    "suppressed",
    multiple=True,
    metavar="CODE=RESOURCE",
    help='Say nothing of this code for a resource, such as "IST0102=Namespace *"; may be repeated.',
)
@address_option
def analyze(
    paths: tuple[str, ...],
    files: tuple[str, ...],
    lab: bool,
    output: str,
    failure_threshold: str,
    output_threshold: str,
    suppressed: tuple[str, ...],
    http_address: str | None,
) -> None:
    """Say what is wrong or odd in files, or without any in what the running control plane serves.

    Each message has its place, the cause, what one would see, and the remedy. Exit code 79 when one of them
    is an error.
    """
    given = (*files, *paths)
    if given:
        found = of_files((*served(http_address), *given) if lab else given)
    else:
        found = page(http_address, "/debug/diagnostics")
    kept = [row for row in found if not is_suppressed(row, suppressed)]
    found = sorted(kept, key=lambda row: ORDER[row["level"]])
    shown = [row for row in found if ORDER[row["level"]] <= ORDER[output_threshold.title()]]
    if output == "text":
        told(shown, ", ".join(given) or "the running control plane")
    else:
        printed(shown, output)
    worst = ORDER[failure_threshold.title()]
    if output == "text" and any(ORDER[row["level"]] <= worst for row in found):
        raise SystemExit(FOUND)


def is_suppressed(row: Row, patterns: tuple[str, ...]) -> bool:
    """Whether one of CODE=RESOURCE is for it; a resource is KIND NAME.NAMESPACE, with * for any text."""
    kind, _, where = row.get("object", "").partition(" ")
    namespace, slash, name = where.rpartition("/")
    resource = f"{kind} {name}.{namespace}" if slash else f"{kind} {name}"
    pairs = (pattern.partition("=") for pattern in patterns)
    return any(code == row["code"] and fnmatchcase(resource, wanted) for code, _, wanted in pairs)


def of_files(files: tuple[str, ...]) -> list[Row]:
    """All findings about these files, each document by itself and together."""
    store = stored(files)
    return [found.json() for found in (*store.diagnostics, *analysis(store, snapshot(store)))]


def served(address: str | None) -> tuple[str, ...]:
    """The files of the running control plane, as it names them in its objects' origins."""
    origins = (each["origin"].rpartition(":")[0] for each in page(address, "/debug/configz"))
    return tuple(dict.fromkeys(origins))


def told(found: list[Row], what: str) -> None:
    """The findings as text; one line when there is none."""
    for row in found:
        place = f"{row.get('file', '')}:{row.get('line', 0)}:{row.get('column', 1)}"
        about = ", ".join(row[key] for key in ("object", "path") if key in row)
        click.echo(f"{place}: {row['level']} [{row['code']}] {about}\n    {row['cause']}")
        click.echo(f"    symptom: {row['symptom']}\n    remedy: {row['remedy']}")
    if not found:
        click.echo(f"✔ No validation issues found when analyzing {what}.", err=True)
