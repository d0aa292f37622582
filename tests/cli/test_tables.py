"""Tables are whole: on a narrow terminal, in a pipe, with and without colours."""

from __future__ import annotations

import io

from rich.console import Console

from miniistiod.cli.tables import coloured, show

LONG = "outbound|9080|v1|reviews.default.svc.cluster.local"
ROWS = [(LONG, coloured("SYNCED", "green"), "[x]"), ("short", "NACKED", "")]


def shown(**how: object) -> list[str]:
    out = io.StringIO()
    show(Console(file=out, **how), ("NAME", "STATE", "NOTE"), ROWS)  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def test_no_cell_is_cut_and_no_line_ends_in_blanks() -> None:
    assert shown(width=20) == [
        f"{'NAME':50}   STATE    NOTE",
        f"{LONG}   SYNCED   [x]",
        f"{'short':50}   NACKED",
    ]


def test_colours_take_no_room() -> None:
    (_, row, _) = shown(width=200, force_terminal=True, color_system="standard", legacy_windows=False)
    assert row == f"{LONG}   \x1b[32mSYNCED\x1b[0m   [x]"
