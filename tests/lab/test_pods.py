"""The workloads of a running lab as `get pods` shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from miniistiod.cli import main
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.state import State


def test_pods_as_kubectl_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = datetime.now(UTC) - timedelta(hours=5, minutes=1)
    running, failed = {"state": "running", "pid": 1}, {"state": "failed", "pid": 0}
    pod = {
        "name": "web", "namespace": "default", "address": "10.244.0.10", "proxy": "sidecar", "labels": {},
        "ready": False, "since": started.strftime("%Y-%m-%dT%H:%M:%SZ"), "pid": 1, "restarts": 2,
        "processes": {"web": failed, "istio-proxy": running},
    }  # fmt: skip
    State(tmp_path).made()
    monkeypatch.setattr(State, "alive", lambda _: True)
    monkeypatch.setattr(OutsideLab, "ask", lambda *_: {"pods": [pod], "published": {}})
    shown = CliRunner().invoke(main, ["get", "po"], env={"MINIISTIOD_LAB_STATE": str(tmp_path)}).stdout
    head, row = shown.splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "IP", "AGE"]
    assert row.split() == ["web", "1/2", "Pending", "2", "10.244.0.10", "5h"]
