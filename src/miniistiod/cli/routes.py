"""`miniistiod routes HOST PATH`: which rule takes a request, and why the others do not."""

from __future__ import annotations

import re
from pathlib import Path

import click

from miniistiod.app.authorization import NoWorkload
from miniistiod.app.routes import NoGateway, at_gateway, from_workload, written
from miniistiod.cli.lab_state import existing, state_option
from miniistiod.config import Store
from miniistiod.explain.judgement import Explanation, Judged
from miniistiod.explain.request import Request
from miniistiod.server.files import ConfigFiles

HEADER = re.compile(r"\s*(?P<name>[^\s:=]+)\s*[:=]\s*(?P<value>.*)", re.DOTALL)


@click.command()
@click.argument("host")
@click.argument("path", default="/")
@click.option("--gateway", metavar="[NAMESPACE/]NAME", help="The Gateway at which the request comes in.")
@click.option("--from", "source", metavar="NAME[.NAMESPACE]", help="The workload that sends the request.")
@click.option("--method", "-X", default="GET", show_default=True, help="Its method.")
@click.option("--header", "-H", multiple=True, metavar="NAME:VALUE", help="A header of the request.")
@click.option("--port", type=int, default=0, help="The port; the first that fits unless told.")
@click.option("--tls", is_flag=True, help="Over HTTPS, where the Gateway has both.")
@click.option(
    "--config",
    "-c",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="File or folder of YAML.  [default: the lab's]",
)
@state_option
def routes(
    host: str,
    path: str,
    gateway: str | None,
    source: str | None,
    method: str,
    header: tuple[str, ...],
    port: int,
    tls: bool,
    config: tuple[Path, ...],
    state: Path | None,
) -> None:
    """Tell which rule takes a request: miniistiod routes httpbin.example.com /headers --gateway httpbin"""
    if bool(gateway) == bool(source):
        raise click.UsageError("say where the request comes in (--gateway NAME) or from (--from WORKLOAD)")
    store = ConfigFiles(config or (existing(state).state.config,)).load()
    request = Request(host, path, method, dict(named(header)), port, tls)
    try:
        found = (
            at_gateway(store, gateway, request) if gateway else from_workload(store, source or "", request)
        )
    except (NoGateway, NoWorkload) as fault:
        raise click.ClickException(str(fault)) from None
    for line in lines(found, store):
        click.echo(line)


def lines(found: Explanation, store: Store) -> list[str]:
    """The answer, then every other rule with its place and reasons."""
    said = [found.outcome]
    if found.taken is not None:
        said += described(found.taken, store, "by ")
    if found.passed:
        said += ["", "not taken:"]
    for judged in found.passed:
        said += described(judged, store)
    return said


def described(judged: Judged, store: Store, word: str = "") -> list[str]:
    """A rule, its place, and its reasons."""
    rule = written(store, judged)
    return [f"  {word}{rule.name}", f"     {rule.place}", *(f"     {reason}" for reason in judged.why)]


def named(headers: tuple[str, ...]) -> list[tuple[str, str]]:
    """NAME: VALUE as curl takes it, or NAME=VALUE; the name in lower case."""
    parted = [HEADER.fullmatch(each) for each in headers]
    if None in parted:
        raise click.BadParameter(f"{headers[parted.index(None)]!r} is not NAME: VALUE", param_hint="--header")
    return [(found["name"].lower(), found["value"]) for found in parted if found is not None]
