"""The README's own commands, in the order in which a newcomer types them, on a lab of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 1200
"""Seconds: only for what hangs."""
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPED_BY_OTHERS = {
    "make test",
    "miniistiod serve --config mesh/ --grpc-address 127.0.0.1:15010",
    "miniistiod xds watch productpage-v1",
}
"""Commands that do not end by themselves, or that run this test."""


def commands(text: str) -> list[str]:
    """The command lines of all shell blocks."""
    return [line for block in BLOCK.findall(text) for line in block.splitlines() if line.strip()]


def test_every_command_works(tmp_path: Path) -> None:
    lines = commands((ROOT / "README.md").read_text())
    environment = {**os.environ, "MINIISTIOD_LAB_STATE": str(tmp_path / "lab")}
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(f"echo '$ {line}'; {line}" for line in lines)],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
    finally:
        down = [str(ROOT / ".venv/bin/miniistiod"), "lab", "down"]
        subprocess.run(down, env=environment, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert [line for line in lines if f"$ {line}" not in done.stdout] == []
    assert "/productpage" in done.stdout
    assert "SYNCED" in done.stdout
    assert "outbound|9080|v1|reviews.default.svc.cluster.local 80" in done.stdout
    assert "the lab has ended" in done.stdout


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    example = re.search(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert example is not None
    (tmp_path / "test_example.py").write_text(example[1])
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, str(tmp_path / "test_example.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "RATIONALE.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text())
    assert [t for t in targets if "://" not in t and not (ROOT / t).exists()] == []


def test_indented_commands_are_known() -> None:
    outside = re.sub(r"^```.*?^```$", "", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    typed = re.findall(r"^    (\S.*)$", outside, re.MULTILINE)
    assert set(typed) == TYPED_BY_OTHERS
