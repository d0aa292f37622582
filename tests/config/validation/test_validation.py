"""What admission says about objects of each kind: `KIND.yaml` holds cases of a spec and where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from miniistiod.api.kinds import KINDS
from miniistiod.config import Diagnostic, Level, of_text
from miniistiod.config.validation import RULES

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
CASES: list[tuple[str, dict[str, Any]]] = [
    (file.stem, case) for file in FILES for case in yaml.safe_load(file.read_text())
]
UNSUPPORTED = "unsupported-field"
"""Said of a field that istiod acts on and we do not: no verdict on the object."""


def document(kind_id: str, case: dict[str, Any]) -> str:
    kind = next(kind for kind in KINDS if kind.id == kind_id)
    metadata = {"name": "a", "namespace": "shop"} | case.get("metadata", {})
    whole = {
        "apiVersion": kind.api_versions[0],
        "kind": kind.name,
        "metadata": metadata,
        "spec": case["spec"],
    }
    return json.dumps(whole)


def weight(verdict: Diagnostic) -> Level:
    """The webhook's: what istioctl's analysis only remarks of matches is a warning there."""
    return Level.WARNING if verdict.code == "IST0131" else verdict.level


@pytest.mark.parametrize(
    ("kind", "case"), CASES, ids=lambda part: part if isinstance(part, str) else part["name"]
)
def test_verdict(kind: str, case: dict[str, Any]) -> None:
    store = of_text(document(kind, case))
    verdicts = [d for d in store.diagnostics if d.code != UNSUPPORTED]
    found = {
        level: sorted({d.path.removeprefix("spec.") for d in verdicts if weight(d) is level})
        for level in Level
    }
    assert found[Level.ERROR] == sorted(case.get("errors", []))
    assert found[Level.WARNING] == sorted(case.get("warnings", []))
    assert bool(store.of_kind(kind)) is not bool(case.get("errors"))
    assert all(d.cause and d.symptom and d.remedy and d.line for d in store.diagnostics)


def test_every_kind_with_rules_has_cases() -> None:
    assert {file.stem for file in FILES} == set(RULES)
