"""Every message that istioctl has is given, or stands with its reason among those that are not."""

from __future__ import annotations

import re
from pathlib import Path

import miniistiod
from miniistiod.analysis.not_given import NOT_GIVEN

SOURCE = Path(miniistiod.__path__[0])
NUMBERS = (1, 2, *range(101, 104), *range(106, 113), 116, 118, 123, *range(125, 178))
"""Of pkg/config/analysis/msg/messages.yaml in the reference version of Istio."""


def test_each_code_is_given_or_not_with_a_reason() -> None:
    folders = [SOURCE / name for name in ("analysis", "explain", "config")]
    files = [f for folder in folders for f in folder.rglob("*.py") if f.name != "not_given.py"]
    given = {code for f in files for code in re.findall(r'"(IST\d{4})"', f.read_text())}
    known = {f"IST{number:04}" for number in NUMBERS}
    assert given | set(NOT_GIVEN) == known
    assert not given & set(NOT_GIVEN)
