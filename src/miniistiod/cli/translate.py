"""`miniistiod translate`: YAML and one Envoy Node → the resources it would get, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import yaml
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod import config
from miniistiod.cli.output import printed
from miniistiod.generate.resources import resources
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import NodeError, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.server.files import ConfigFiles
from miniistiod.server.messages import opened
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS

KINDS = {"clusters": CDS, "endpoints": EDS, "listeners": LDS, "routes": RDS}


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice([*KINDS, "all"]))
@click.option(
    "-f", "--filename", "files", multiple=True, required=True, help="File or folder; - is standard input."
)
@click.option(
    "--node",
    "node_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML or JSON of the Envoy Node, as `miniistiod bootstrap` prints it under `node`.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print it.",
)
def translate(kinds: tuple[str, ...], files: tuple[str, ...], node_file: Path, output: str) -> None:
    """Print the Envoy resources that a proxy would get for the given YAML: all, or only KINDS.

    Exit code 1 when a document is wrong; what is right is still printed.
    """
    store = stored(files)
    for found in store.diagnostics:
        click.echo(found.text(), err=True)
    try:
        scope = ProxyScope(proxy(node(node_file)), snapshot(store))
    except NodeError as fault:
        raise click.ClickException(f"{node_file}: {fault}") from None
    wanted = KINDS if not kinds or "all" in kinds else {kind: KINDS[kind] for kind in kinds}
    shown = {
        kind: [opened(url, r.body) for part in resources(scope, url) for r in part.values()]
        for kind, url in wanted.items()
    }
    printed(shown, output)
    if any(d.level is config.Level.ERROR for d in store.diagnostics):
        raise SystemExit(1)


def stored(files: tuple[str, ...]) -> config.Store:
    """All documents of these files and folders, and of standard input."""
    try:
        store = ConfigFiles([name for name in files if name != "-"]).load()
    except FileNotFoundError as fault:
        raise click.ClickException(str(fault)) from None
    return store.with_file("standard input", sys.stdin.read()) if "-" in files else store


def node(path: Path) -> Any:
    """The Node of a file; a whole bootstrap will do as well."""
    tree = yaml.safe_load(path.read_text())
    if isinstance(tree, dict) and "node" in tree:
        tree = tree["node"]
    try:
        return json_format.ParseDict(tree, Node(), ignore_unknown_fields=True)
    except json_format.ParseError as fault:
        raise click.ClickException(f"{path}: {fault}") from None
