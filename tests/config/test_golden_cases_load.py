"""Every reference case loads: each document becomes an object, and nothing is refused that istiod takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from miniistiod.config import Level, of_text

TESTS = Path(__file__).parents[1]
FOLDERS = (TESTS / "parity" / "cases", TESTS.parents[1] / "shared" / "golden" / "cases")
CASES = sorted(path for folder in FOLDERS for path in folder.rglob("*.yaml"))

REFUSED: dict[str, set[str]] = {}
"""Case → the objects that the reference refuses in it, as `Kind namespace/name`."""


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case_loads(path: Path) -> None:
    text = path.read_text()
    store = of_text(text, path.name)
    refused = REFUSED.get(f"{path.parent.name}/{path.stem}", set())
    errors = [d for d in store.diagnostics if d.level is Level.ERROR]
    assert {d.subject for d in errors} == refused, "\n".join(d.text() for d in errors)
    documents = [one for one in yaml.safe_load_all(text) if one]
    assert len(store.objects) == len(documents) - len(refused)
