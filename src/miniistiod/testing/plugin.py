"""The pytest plugin: `pytestmark = pytest.mark.lab("bookinfo", "httpbin")` and the fixture `lab`.

Tests that name the same configuration share one lab, since starting it takes seconds and undoing a rule
milliseconds. A test must leave the lab as it found it; `lab.rules(...)` does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from miniistiod.lab import machine
from miniistiod.testing.live import LiveLab, running

Configs = tuple[str | Path, ...]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "lab(*configs): the folders of configs/ that the lab of this module runs"
    )


@pytest.fixture(scope="session")
def labs() -> Iterator[dict[Configs, LiveLab]]:
    """The labs that run, by their configuration."""
    with contextlib.ExitStack() as stack:
        yield Labs(stack)


class Labs(dict[Configs, LiveLab]):
    """Starts a lab when it is first asked for."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        super().__init__()
        self.stack = stack

    def __missing__(self, configs: Configs) -> LiveLab:
        found = self[configs] = self.stack.enter_context(running(*configs))
        return found


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, labs: dict[Configs, LiveLab]) -> LiveLab:
    """The lab of this module. Skipped, with the reason, on a machine that allows no namespaces."""
    marker = request.node.get_closest_marker("lab")
    assert marker is not None, 'say which lab: pytestmark = pytest.mark.lab("bookinfo")'
    able = machine.namespaces()
    if able.level != "ok":
        pytest.skip(f"no network namespaces here: {able.how}")
    return labs[marker.args]
