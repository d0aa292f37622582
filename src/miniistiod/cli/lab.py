"""`miniistiod lab`: Bookinfo and other workloads on real Envoys of this machine; no Docker, no Kubernetes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from miniistiod.cli import containers
from miniistiod.cli.doctor import prepared
from miniistiod.lab import machine
from miniistiod.lab.outside import LabError, OutsideLab, Report
from miniistiod.lab.state import State
from miniistiod.lab.store import Document, documents_of
from miniistiod.lab.supervisor import CONTROL_PLANE

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
DEFAULT = "bookinfo"

state_option = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), envvar="MINIISTIOD_LAB_STATE",
    help="The lab's state directory.  [default: ~/.local/state/miniistiod/lab]",
)  # fmt: skip


def the_lab(state: Path | None) -> OutsideLab:
    """The lab of this state directory, or the user's own."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return OutsideLab(State((state or base / "miniistiod" / "lab").resolve()))


def existing(state: Path | None) -> OutsideLab:
    """The lab whose config directory is there, whether it runs or not."""
    found = the_lab(state)
    if not found.state.config.exists():
        raise click.ClickException("there is no lab yet; start one with: miniistiod lab up")
    return found


@click.group()
def lab() -> None:
    """Run Bookinfo and other workloads on real Envoys, in network namespaces of this machine."""


for command in (containers.compose, containers.check, containers.pod, containers.tokens):
    lab.add_command(command)


@lab.command()
@click.argument("what", nargs=-1)
@click.option("--any-port", is_flag=True, help="Publish on any free ports instead of the usual ones.")
@state_option
def up(what: tuple[str, ...], any_port: bool, state: Path | None) -> None:
    """Start the lab, or mend it.

    WHAT are folders or files of YAML, or names of folders in configs/; a new lab is Bookinfo by default.
    """
    console, made = Console(), the_lab(state)
    prepared(console)
    start = time.monotonic()
    try:
        names = what or (() if made.store.files() else (DEFAULT,))
        made.apply(document for name in names for document in described(name))
        with console.status("starting the lab") as shown:
            report = made.start(not any_port, lambda now: shown.update(progress(now)))
    except LabError as error:
        finding = machine.namespaces()
        hint = f"\n{finding.how}\nTry: {finding.remedy}" if finding.level != "ok" else ""
        raise click.ClickException(f"{error}{hint}") from None
    show(console, report)
    click.echo(f"\nReady in {time.monotonic() - start:.1f} s. {next_steps(report)}")


def described(name: str) -> Iterator[Document]:
    """The objects of a file, of a folder, or of a folder in configs/."""
    path = Path(name) if Path(name).exists() else CONFIGS / name
    if not path.exists():
        known = (
            ", ".join(sorted(p.name for p in CONFIGS.iterdir() if p.is_dir())) if CONFIGS.exists() else "none"
        )
        raise click.ClickException(f"no file or folder {name!r}; in configs/ there are: {known}")
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        yield from documents_of(file.read_text())


def progress(report: Report) -> str:
    """How far a start has come."""
    ready = sum(pod["ready"] for pod in report["pods"])
    return f"starting the lab: {ready} of {len(report['pods'])} workloads ready"


def show(console: Console, report: Report) -> None:
    """The table of everything that runs."""
    plane = report["control_plane"]
    table = Table("workload", "namespace", "address", "proxy", "ready", "restarts", box=None)
    table.add_row(
        CONTROL_PLANE,
        "istio-system",
        "10.244.0.1",
        "",
        mark(plane["state"] == "running"),
        str(plane["restarts"]),
    )
    for pod in report["pods"]:
        table.add_row(
            pod["name"],
            pod["namespace"],
            pod["address"],
            pod["proxy"],
            mark(pod["ready"]),
            str(pod["restarts"]),
        )
    console.print(table)


def mark(well: bool) -> str:
    """Yes or no in its colour."""
    return "[green]yes[/]" if well else "[red]no[/]"


def next_steps(report: Report) -> str:
    """What to try next."""
    ports = {
        name.partition(".")[0]: port for name, port in report["published"].items() if name.endswith(":80")
    }
    page = (
        f"http://localhost:{ports['istio-ingressgateway']}/productpage"
        if "istio-ingressgateway" in ports
        else ""
    )
    program = "miniistiod" if shutil.which("miniistiod") else os.path.relpath(sys.argv[0])
    lines = [
        f"Open {page} and reload it a few times." if page else "",
        "",
        f"  {program} apply -f configs/exercises/01-subsets -f configs/exercises/03-canary",
        f"  {program} lab exec client -- curl -s http://reviews:9080/reviews/0",
        f"  {program} proxy-status",
        f"  {program} proxy-config routes productpage-v1",
        f"  {program} lab status | logs NAME | down",
    ]
    return "\n".join(lines)


@lab.command()
@click.option("--keep", is_flag=True, help="Keep config, keys and logs for the next start.")
@state_option
def down(keep: bool, state: Path | None) -> None:
    """End the lab. No process, namespace or rule stays."""
    made = the_lab(state)
    ran = made.stop()
    if not keep:
        made.remove()
    click.echo("the lab has ended" if ran else "the lab did not run")


@lab.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@state_option
def status(output: str, state: Path | None) -> None:
    """What runs. Fails when something is not ready."""
    made = the_lab(state)
    if not made.state.alive():
        raise click.ClickException("the lab does not run; start it with: miniistiod lab up")
    report = made.ask("status")
    if output == "json":
        click.echo(json.dumps(report, indent=2))
    else:
        show(Console(), report)
        for name, port in report["published"].items():
            click.echo(f"localhost:{port} → {name}")
    if not report["ready"]:
        raise SystemExit(1)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("workload")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@state_option
def exec(workload: str, command: tuple[str, ...], state: Path | None) -> None:
    """Run a command inside a workload: miniistiod lab exec client -- curl -s http://reviews:9080/reviews/0"""
    try:
        argv = the_lab(state).entrance(workload, command)
    except LabError as error:
        raise click.ClickException(str(error)) from None
    raise SystemExit(subprocess.run(argv, check=False).returncode)


@lab.command()
@click.argument("workload")
@click.option("-c", "--container", help="One container only; the proxy is istio-proxy.")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("--tail", default=50, show_default=True, help="Lines to begin with.")
@state_option
def logs(workload: str, container: str | None, follow: bool, tail: int, state: Path | None) -> None:
    """Show the logs of a workload's app and proxy; of `mini-istiod` and `supervisor` as well."""
    folder = the_lab(state).state.logs
    files = [f for f in sorted(folder.glob("*.log")) if belongs(f.stem, workload, container)]
    if not files:
        raise click.ClickException(f"no log of {workload!r} in {folder}")
    options: list[Any] = ["-n", str(tail), *(["-F"] if follow else []), *(["-q"] if len(files) == 1 else [])]
    raise SystemExit(subprocess.run(["tail", *options, *files], check=False).returncode)


def belongs(log: str, workload: str, container: str | None) -> bool:
    """Whether a log's name, WORKLOAD.NAMESPACE.CONTAINER, is one of those asked for."""
    name, _, own = log.rpartition(".")
    whose = {log, name, name.partition(".")[0]}
    return workload in whose and (container is None or own == container)
