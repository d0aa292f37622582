"""docker/verify.py: it runs every command of a README and fails when one does not do what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
READMES = sorted(DOCKER.glob("labs/*/README.md"))
ALL = [*READMES, DOCKER / "observability" / "README.md"]


def lab(path: Path) -> str:
    return path.parent.name


def verified(folder: Path, readme: str, docker: str = "exit 0") -> subprocess.CompletedProcess[str]:
    """A README run with a `docker` that is only a script."""
    (folder / "bin").mkdir()
    (folder / "lab" / "config").mkdir(parents=True)
    program = folder / "bin" / "docker"
    program.write_text(f"#!/bin/sh\n{docker}\n")
    program.chmod(0o755)
    (folder / "lab" / "README.md").write_text(readme)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COMPOSE": "docker compose", "VERIFY_SECONDS": "0"}
    words = [sys.executable, str(DOCKER / "verify.py"), str(folder / "lab")]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("commands", "good"),
    [
        ("echo a b\n# → b", True),
        ("echo a \\\nb\n# → a b", True),
        ("echo a b\n# → /^a .$/", True),
        ("echo a b\n# → c", False),
        ("echo a b\n# → /^b/", False),
        ("echo a b\n# ↛ a", False),
        ("echo a b\n# ↛ c", True),
        ("false", False),
        ("echo a\n# → a\nfalse", False),
        ("no-such-command", False),
        ("docker compose exec istiod miniistiod lab check", True),
    ],
)
def test_a_command_must_do_what_is_said(tmp_path: Path, commands: str, good: bool) -> None:
    done = verified(tmp_path, f"# A lab\n```sh\n{commands}\n```\n")
    assert (done.returncode == 0) == good, done.stdout + done.stderr


def test_what_is_left_is_a_failure(tmp_path: Path) -> None:
    done = verified(tmp_path, "```sh\ntrue\n```\n", docker='[ "$1 $2" = "volume ls" ] && echo abc; exit 0')
    assert done.returncode == 1
    assert "FAIL left: volume abc" in done.stdout


def numbered(text: str) -> tuple[str, int]:
    """A README in which the n-th command of its fences only notes n, and how many there are."""
    lines, count, inside, continued = [], 0, False, False
    for line in text.splitlines():
        command = inside and line[:1] not in ("#", "") and not line.startswith("```")
        inside = not inside if line.startswith("```") else inside
        if command and not continued:
            count += 1
            lines.append(f"echo {count} >> ran")
        elif not command and not line.startswith("# →") and not line.startswith("# ↛"):
            lines.append(line)
        continued = command and line.endswith("\\")
    return "\n".join(lines) + "\n", count


@pytest.mark.parametrize("readme", ALL, ids=lab)
def test_every_command_of_a_readme_is_run_once_and_in_its_order(tmp_path: Path, readme: Path) -> None:
    text = readme.read_text()
    assert set(re.findall(r"^```(.+)", text, re.MULTILINE)) == {"sh"}, "other fences are not run"
    assert not re.search(r"^ {4}\S", text, re.MULTILINE), "an indented block is not run"
    notes, count = numbered(text)
    assert verified(tmp_path, notes).returncode == 0
    assert (tmp_path / "lab" / "ran").read_text().split() == [str(n) for n in range(1, count + 1)]
    assert count > 5


@pytest.mark.parametrize("readme", ALL, ids=lab)
def test_a_wrong_command_in_a_readme_is_found(tmp_path: Path, readme: Path) -> None:
    notes, count = numbered(readme.read_text())
    done = verified(tmp_path, notes.replace(f"echo {count // 2} >> ran", "cat no-such-file"))
    assert done.returncode == 1
    assert "cat no-such-file" in done.stdout


@pytest.mark.parametrize("readme", READMES, ids=lab)
def test_a_lab_has_three_to_eight_exercises_and_something_to_mend(readme: Path) -> None:
    text = readme.read_text()
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 3 <= len(numbers) <= 8
    exam = text[text.index("Exam: find what is broken") :]
    asked = re.findall(r"miniistiod lab check\n# → (.*)", exam)
    assert len(asked) >= 2
    assert asked[0] != "nothing to mend"
    assert asked[-1] == "nothing to mend"
