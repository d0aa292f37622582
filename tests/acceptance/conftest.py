"""The Envoys that must accept what we send: the newest offered, and the oldest."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

OLDEST = Path(__file__).resolve().parents[2] / ".venv/envoy-1.36/envoy/_bin/envoy"


@pytest.fixture(scope="session", params=["newest", "oldest"])
def envoy(request: pytest.FixtureRequest) -> str:
    """The program. `make setup` installs both."""
    newest = shutil.which("envoy", path=str(Path(sys.executable).parent))
    found = newest if request.param == "newest" else shutil.which(OLDEST)
    assert found, f"the {request.param} Envoy is not installed: make setup"
    return found
