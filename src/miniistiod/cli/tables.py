"""Rows → plain columns, as kubectl and istioctl print them.

No cell is ever cut: `grep` finds what is there, and a narrow terminal wraps lines instead of losing names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

Cell = str | Text
GAP = "   "


def terminal() -> Console:
    """Standard output; colours only where a terminal shows them."""
    return Console(soft_wrap=True, highlight=False, emoji=False)


def coloured(word: str, style: str) -> Text:
    """A cell in its colour."""
    return Text(word, style)


def columns(rows: Iterable[Sequence[Cell]]) -> list[Text]:
    """A line for each row, each column as wide as its widest cell and three spaces from the next."""
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = [max(cell_len(cell.plain) for cell in column) for column in zip(*cells, strict=True)]
    return [line(row, widths) for row in cells]


def line(row: Sequence[Text], widths: Sequence[int]) -> Text:
    """One row as a line without blanks at its end."""
    made = Text()
    for cell, width in zip(row, widths, strict=True):
        made.append_text(cell)
        made.append(" " * (width - cell_len(cell.plain)) + GAP)
    made.rstrip()
    return made


def show(console: Console, titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table with its head."""
    for each in columns([[coloured(title, "bold") for title in titles], *rows]):
        console.print(each, soft_wrap=True)
