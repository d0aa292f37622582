"""The compose labs on a real Docker engine: every command of a lab's README says what the README says."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.docker.engine import ROOT, NoDocker, engine

LABS = ("bookinfo", "mtls", "httpbin-ingress")
"""Those of docker/labs that run here; the others are run by hand, see docker/README.md."""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The environment for the clients of a Docker engine that has all images."""
    with tempfile.TemporaryDirectory(prefix="mini-istiod-docker-", ignore_cleanup_errors=True) as folder:
        try:
            with engine(Path(folder)) as found:
                yield found
        except NoDocker as reason:
            pytest.skip(str(reason))


@pytest.mark.parametrize("lab", LABS)
def test_every_command_of_the_readme_does_what_it_says(lab: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docker" / "verify.py"), str(ROOT / "docker" / "labs" / lab)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "nothing is left" in done.stdout
