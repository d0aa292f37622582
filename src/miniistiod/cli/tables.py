"""Where tables are printed: as wide as the terminal, and as wide as they need to be in a pipe or a file."""

from __future__ import annotations

from rich.console import Console

UNBOUNDED = 400


def terminal() -> Console:
    """Standard output. In a pipe no cell is cut, so that `grep` finds what is there."""
    console = Console()
    return console if console.is_terminal else Console(width=UNBOUNDED)
