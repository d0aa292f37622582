"""A lab that cannot start says so at once, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniistiod.lab import outside
from miniistiod.lab.outside import LabError, OutsideLab
from miniistiod.lab.state import State


def test_without_namespaces_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unshare = tmp_path / "bin" / "unshare"
    unshare.parent.mkdir()
    unshare.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setattr(outside, "search_path", lambda: f"{unshare.parent}:/usr/bin:/bin")
    monkeypatch.setattr(outside, "SECONDS_TO_START", 3600.0)
    lab = OutsideLab(State(tmp_path / "lab"))
    with pytest.raises(LabError, match=r"it did not start.*\nsupervisor.log: unshare failed: Operation not"):
        lab.start(fixed_ports=False)
