"""`miniistiod lab`: Bookinfo and other workloads on real Envoys of this machine; no Docker, no Kubernetes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from miniistiod.cli import containers, tables
from miniistiod.cli.admission import admitted
from miniistiod.cli.doctor import prepared
from miniistiod.cli.elsewhere import Helpful
from miniistiod.cli.lab_state import VARIABLE, default_folder, state_option, the_lab
from miniistiod.lab import configs, machine
from miniistiod.lab.addresses import ROUTER
from miniistiod.lab.outside import LabError, Report
from miniistiod.lab.state import CONTROL_PLANE
from miniistiod.lab.store import Document, documents_of

DEFAULT = "bookinfo"


@click.group(cls=Helpful)
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
        if names:
            made.apply(described(names))
        with console.status("starting the lab") as shown:
            report = made.start(not any_port, lambda now: shown.update(progress(now)))
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; go on with `lab up`, or end it with `lab down`") from None
    except LabError as error:
        finding = machine.namespaces()
        hint = f"\n{finding.how}\nTry: {finding.remedy}" if finding.level != "ok" else ""
        raise click.ClickException(f"{error}{hint}") from None
    show(console, report)
    click.echo(f"\nReady in {time.monotonic() - start:.1f} s. {next_steps(report, made.state.folder)}")


def described(names: Iterable[str]) -> Iterator[Document]:
    """The objects of files, of folders, or of folders in configs/."""
    try:
        texts = dict(configs.texts(names))
    except (configs.NoConfiguration, OSError) as fault:
        raise click.ClickException(str(fault)) from None
    admitted(texts)
    for text in texts.values():
        yield from documents_of(text)


def progress(report: Report) -> str:
    """How far a start has come."""
    ready = sum(pod["ready"] for pod in report["pods"])
    return f"starting the lab: {ready} of {len(report['pods'])} workloads ready"


def show(console: Console, report: Report) -> None:
    """The table of everything that runs."""
    plane = report["control_plane"]
    well = mark(plane["state"] == "running")
    rows = [(CONTROL_PLANE, "istio-system", str(ROUTER), "", well, str(plane["restarts"]))]
    for pod in report["pods"]:
        who = (pod["name"], pod["namespace"], pod["address"], pod["proxy"])
        rows.append((*who, mark(pod["ready"]), str(pod["restarts"])))
    tables.show(console, ("WORKLOAD", "NAMESPACE", "ADDRESS", "PROXY", "READY", "RESTARTS"), rows)


def mark(well: bool) -> Text:
    """Yes or no in its colour."""
    return tables.coloured("yes", "green") if well else tables.coloured("no", "red")


def next_steps(report: Report, folder: Path) -> str:
    """What to try next, in the words that this shell understands."""
    program = "miniistiod" if shutil.which("miniistiod") else os.path.relpath(sys.argv[0])
    page = report["published"].get("istio-ingressgateway.istio-system:80")
    names = [pod["name"] for pod in report["pods"]]
    lines = [] if folder == default_folder().resolve() else [f"export {VARIABLE}={folder}"]
    if "productpage-v1" in names:
        lines += [f"{program} {line}" for line in bookinfo_steps()]
    lines += [f"{program} proxy-status", *(f"{program} proxy-config routes {name}" for name in names[:1])]
    lines += [f"{program} lab exec {name} -- curl -s localhost:15000/help" for name in names[:1]]
    lines += [f"{program} lab status | logs NAME | down"]
    browser = f"Open http://localhost:{page}/productpage and reload it a few times." if page else ""
    shown = browser if "productpage-v1" in names else ""
    return "\n".join([shown, "", *(f"  {line}" for line in lines)])


def bookinfo_steps() -> tuple[str, str]:
    """The first exercise; configs/ is here, in a clone, or comes with the package."""
    exercises = next(
        (each for each in ("configs/exercises", "exercises") if Path(each).is_dir()), "exercises"
    )
    return (
        f"apply -f {exercises}/01-subsets -f {exercises}/03-canary",
        "lab exec client -- curl -s http://reviews:9080/reviews/0",
    )


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
    """Run a command inside a workload.

    For example: miniistiod lab exec client -- curl -s http://reviews:9080/reviews/0
    """
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
    """Show the logs of a workload's app and proxy.

    `mini-istiod` and `supervisor` have logs as well.
    """
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
