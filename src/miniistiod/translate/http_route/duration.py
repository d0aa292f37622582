"""A duration of the Gateway API (`1h30m`, `100ms`) → Duration."""

from __future__ import annotations

import re

from google.protobuf.duration_pb2 import Duration

MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
PART = re.compile(r"([0-9]+)(ms|h|m|s)")


def duration(text: str) -> Duration:
    """The duration; zero for a text that is none."""
    made = Duration()
    made.FromMilliseconds(sum(int(number) * MILLISECONDS[unit] for number, unit in PART.findall(text)))
    return made
