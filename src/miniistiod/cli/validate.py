"""`miniistiod validate`: what istiod's webhook would say of each document, without a mesh around it."""

from __future__ import annotations

import json

import click

from miniistiod import config
from miniistiod.cli.translate import stored
from miniistiod.config.diagnostics import Diagnostic, errors
from miniistiod.explain.gateway_api_findings import left_out


@click.command()
@click.option(
    "-f", "--filename", "files", multiple=True, required=True, help="File or folder; - is standard input."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def validate(files: tuple[str, ...], output: str) -> None:
    """Say for each file whether its documents would be admitted.

    Exit code 1 when one would not be; warnings alone give 0.
    """
    store = stored(files)
    findings = (*store.diagnostics, *left_out(store.kinds))
    if output == "json":
        click.echo(json.dumps([found.json() for found in findings], indent=2))
    else:
        told(store, findings)
    if errors(store.diagnostics):
        raise SystemExit(1)


def told(store: config.Store, findings: tuple[Diagnostic, ...]) -> None:
    """The findings, then a line for each file without an error."""
    for found in findings:
        click.echo(found.text(), err=True)
    wrong = {found.file for found in errors(findings)}
    doubtful = {found.file for found in findings}
    for name in (name for name in store.files if name not in wrong):
        click.echo(f'"{name}" has warnings' if name in doubtful else f'"{name}" is valid')
