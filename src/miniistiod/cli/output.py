"""A value → JSON or YAML on standard output, in the same form from every command."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml


def printed(value: Any, form: str) -> None:
    """Print the value; `form` is "json" or "yaml"."""
    text = json.dumps(value, indent=2)
    if form == "json":
        click.echo(text)
    else:  # of JSON's own types: protobuf's maps are of a class that YAML does not know
        click.echo(yaml.dump(json.loads(text), Dumper=yaml.CSafeDumper, sort_keys=False), nl=False)
