"""The house itself: what `make` offers, and that a fresh clone holds all that is needed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_make_has_at_most_ten_targets_each_with_a_line_of_help() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert targets is not None
    names = targets[1].split()
    helped = re.findall(r"^([a-z-]+):.*?## \S", text, re.MULTILINE)
    assert len(names) <= 10
    assert sorted(names) == sorted(helped)


def test_every_dependency_is_pinned_for_a_fresh_machine() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    names = {re.split(r"[<>=!~\[; ]", each)[0].lower().replace("_", "-") for each in wanted}
    assert names - pinned == set()


def test_the_data_is_small_enough_to_clone_quickly() -> None:
    parity = sum(
        p.stat().st_size
        for p in (ROOT / "tests/parity").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    )
    assert parity < 6_000_000


def test_the_architecture_shows_every_layer_and_every_file_it_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| `")]
    shown = {layer for line in table for layer in re.findall(r"`(\w+)`", line.split("|")[1])}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {name.strip().rpartition(".")[2] for line in contracts[0]["layers"] for name in line.split("|")}
    source = ROOT / "src" / "miniistiod"
    assert shown == layers == {path.parent.name for path in source.glob("*/__init__.py")}
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    assert len(named) > 20
    assert [each for each in named if not (source / each).exists()] == []
