"""The pytest plugin: `pytestmark = pytest.mark.lab("bookinfo", "httpbin")` and the fixture `lab`.

pytest finds it where mini-istiod is installed. Tests that name the same configuration share one lab, since
starting it takes seconds and undoing a rule milliseconds. A test must leave the lab as it found it;
`lab.rules(...)` does. What a lab needs is imported when a test asks for one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from miniistiod.testing.live import LiveLab

Configs = tuple[str | Path, ...]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "lab(*configs): what the lab of this module runs: files and folders, or names in configs/"
    )


@pytest.fixture(scope="session")
def labs() -> Iterator[dict[Configs, LiveLab]]:
    """The labs that run, by their configuration."""
    with contextlib.ExitStack() as stack:
        yield Labs(stack)


class Labs(dict[Configs, "LiveLab"]):
    """Starts a lab when it is first asked for."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        super().__init__()
        self.stack = stack

    def __missing__(self, configs: Configs) -> LiveLab:
        from miniistiod.testing.live import running

        found = self[configs] = self.stack.enter_context(running(*configs))
        return found


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, labs: dict[Configs, LiveLab]) -> LiveLab:
    """The lab of this module. On a machine that allows none the test fails, with what to do: a run in which
    nothing was tested must not look like a good one."""
    from miniistiod.lab import machine

    marker = request.node.get_closest_marker("lab")
    assert marker is not None, 'say which lab: pytestmark = pytest.mark.lab("bookinfo")'
    able = machine.namespaces()
    if able.level != "ok":
        pytest.fail(f"no network namespaces here: {able.how}\nTry: {able.remedy}", pytrace=False)
    return labs[marker.args]
