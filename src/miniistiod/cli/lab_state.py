"""Which lab a command speaks of: that of --state or MINIISTIOD_LAB_STATE, else the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.state import CONTROL_PLANE, State

VARIABLE = "MINIISTIOD_LAB_STATE"

state_option = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), envvar=VARIABLE,
    help="The lab's state directory.  [default: ~/.local/state/miniistiod/lab]",
)  # fmt: skip


def default_folder() -> Path:
    """The user's own lab."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "miniistiod" / "lab"


def the_lab(state: Path | None) -> OutsideLab:
    """The lab of this state directory, or the user's own."""
    return OutsideLab(State((state or default_folder()).resolve()))


def existing(state: Path | None) -> OutsideLab:
    """The lab whose config directory is there, whether it runs or not."""
    found = the_lab(state)
    if not found.state.config.exists():
        raise click.ClickException("there is no lab yet; start one with: miniistiod lab up")
    return found


def pages_address() -> str | None:
    """Where the lab publishes the pages of its control plane, if it runs."""
    state = State(Path(os.environ.get(VARIABLE) or default_folder()))
    port = state.told().get("published", {}).get(CONTROL_PLANE) if state.alive() else None
    return f"127.0.0.1:{port}" if port else None
