"""What stands behind -f → texts by their place; and what an API server would say of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import click

from miniistiod import config
from miniistiod.config.diagnostics import errors
from miniistiod.config.metadata import WRONG_NAME
from miniistiod.lab import configs

STANDARD_INPUT = "standard input"


def given(names: Iterable[str]) -> dict[str, str]:
    """The text of each file, by its name; `-` is standard input."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found |= {STANDARD_INPUT: sys.stdin.read()} if name == "-" else dict(configs.texts([name]))
        except (configs.NoConfiguration, OSError) as fault:
            raise click.ClickException(str(fault)) from None
        except UnicodeDecodeError as fault:
            raise click.ClickException(f"{name}: not text in UTF-8 ({fault})") from None
    return found


def admitted(texts: Mapping[str, str]) -> config.Store:
    """Say what is wrong with these texts; stop when it is an error, as an API server would."""
    store = config.loaded(texts)
    for diagnostic in store.diagnostics:
        click.echo(diagnostic.text(), err=True)
    if errors(store.diagnostics) or any(found.code == WRONG_NAME for found in store.diagnostics):
        raise click.ClickException("nothing was written")
    if not store.objects:
        raise click.ClickException(f"there is no object in {', '.join(texts)}")
    return store
