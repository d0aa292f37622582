"""`miniistiod doctor`: what is missing or clashing on this machine, and what to type."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import click
from rich.console import Console

from miniistiod.cli import tables
from miniistiod.lab.machine import Finding

MARKS = {
    "ok": tables.coloured("ok", "green"),
    "warning": tables.coloured("look", "yellow"),
    "missing": tables.coloured("missing", "red"),
}
PORTS = {
    30080: "the ingress gateway",
    30443: "the ingress gateway's HTTPS",
    8080: "mini-istiod's debug pages",
}


def findings() -> Iterator[Finding]:
    """Everything looked at, the basic things first."""
    from miniistiod.lab import machine, packages

    version = ".".join(map(str, sys.version_info[:3]))
    new_enough = sys.version_info >= (3, 11)
    remedy = "" if new_enough else "install Python 3.11 or newer"
    yield Finding("python", "ok" if new_enough else "missing", version, remedy)
    yield machine.envoy()
    yield from machine.programs()
    yield machine.namespaces()
    yield machine.resolver()
    yield from packages.clashes()
    yield from ports()


def ports() -> Iterator[Finding]:
    """The ports a lab would like to have on localhost."""
    for port, use in PORTS.items():
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                yield Finding(
                    f"port {port}", "warning", f"in use; a lab takes another for {use} and prints it"
                )
            else:
                yield Finding(f"port {port}", "ok", f"free for {use}")


def prepared(console: Console) -> None:
    """Install what is missing where we may, else say what to type."""
    from miniistiod.lab import machine

    envoy = machine.envoy()
    if envoy.level == "missing":
        raise click.ClickException(f"envoy: {envoy.how}. Type:\n  {envoy.remedy}")
    packages = machine.missing_packages()
    if not packages:
        return
    console.print(f"installing {' '.join(packages)}")
    if not machine.installed(packages):
        raise click.ClickException(
            f"the lab needs {', '.join(packages)}. Type:\n  sudo sh -c '{machine.install_line(packages)}'"
        )


@click.command()
@click.option("--install", is_flag=True, help="First install missing system packages, where we may.")
def doctor(install: bool) -> None:
    """Look for what is missing or clashing on this machine. Fails when a lab could not run."""
    if install:
        prepared(Console())
    found = list(findings())
    rows = [(finding.what, MARKS[finding.level], finding.how, finding.remedy) for finding in found]
    tables.show(tables.terminal(), ("WHAT", "", "HOW", "WHAT TO TYPE"), rows)
    if any(finding.level == "missing" for finding in found):
        raise SystemExit(1)
