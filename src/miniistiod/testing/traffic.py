"""Requests from inside a lab, what its servers saw of them, and what Envoy's access log says."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

SECONDS = 60.0
"""How long a test waits for what must come; a busy machine may need most of it."""
SECONDS_FOR_AN_ORDER = 600.0
"""How long a client may take for all the requests of one order."""
INTERVAL = 0.01
FRESH = httpx.Limits(keepalive_expiry=1)
"""An idle connection is not used again long before its server ends it, which a request must not meet."""

ACCESS_LOG = re.compile(
    r'\[(?P<start>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)" (?P<status>\d+) (?P<flags>\S+) '
    r'(?P<details>\S+) (?P<connection>\S+) "(?P<failure>[^"]*)" (?P<received>\S+) (?P<sent>\S+) '
    r'(?P<duration>\S+) (?P<upstream_time>\S+) "(?P<forwarded>[^"]*)" "(?P<agent>[^"]*)" "(?P<id>[^"]*)" '
    r'"(?P<authority>[^"]*)" "(?P<host>[^"]*)" (?P<cluster>\S+)'
)
"""A line in Istio's default format."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request; `status` 0 and an `error` when nothing did."""

    status: int
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str = ""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Inspected:
    """A workload's app through its inspector: what it has served."""

    def __init__(self, name: str, inspector: Path) -> None:
        self.name = name
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(inspector)),
            base_url="http://inspector",
            timeout=SECONDS_FOR_AN_ORDER,
            limits=FRESH,
        )

    @property
    def count(self) -> int:
        """How many requests it has served since it was last cleared."""
        return int(self.http.get("/count").json())

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests it remembers, newest last: method, path, query, headers, peer, status."""
        found: list[dict[str, Any]] = self.http.get("/requests").json()
        return found

    def awaited(self, count: int, path: str = "") -> list[dict[str, Any]]:
        """Its requests, or those to a path, as soon as there are so many: a copy or a request that its sender
        has given up may come late. AssertionError when they do not come.
        """
        end = time.monotonic() + SECONDS
        while len(found := [each for each in self.requests if path in ("", each.get("path"))]) < count:
            assert time.monotonic() < end, f"{self.name}: {len(found)} of {count} requests served"
            time.sleep(INTERVAL)
        return found

    def clear(self) -> None:
        """Count from zero."""
        self.http.delete("/requests")


class Client(Inspected):
    """The workload that sends requests."""

    numbers = itertools.count(1)

    def send(self, url: str, count: int = 1, concurrency: int = 1, **order: Any) -> list[Reply]:
        """So many requests, so many at a time. See lab.apps.client for what else an order may say."""
        order = {"url": url, "count": count, "concurrency": concurrency, **order}
        return [Reply(**result) for result in self.http.post("/send", json=order).json()]

    @contextlib.contextmanager
    def loop(self, url: str, **order: Any) -> Iterator[Loop]:
        """Requests over and over while the block runs."""
        loop = Loop(self.http, f"/loops/loop{next(self.numbers)}")
        self.http.post(loop.path, json={"url": url, **order}).raise_for_status()
        try:
            yield loop
        finally:
            loop.replies += [Reply(**result) for result in self.http.delete(loop.path).json()]


class Loop:
    """Requests that go on; `replies` are there when it has ended."""

    def __init__(self, http: httpx.Client, path: str) -> None:
        self.http, self.path = http, path
        self.replies: list[Reply] = []

    def more(self, count: int) -> None:
        """Wait for so many replies more; AssertionError when they do not come."""
        end = time.monotonic() + SECONDS
        wanted = self.seen() + count
        while self.seen() < wanted:
            assert time.monotonic() < end, f"{self.path}: {count} more requests took too long"
            time.sleep(INTERVAL)

    def seen(self) -> int:
        """How many replies there are by now."""
        return int(self.http.get(self.path).json())


class AccessLog:
    """The access log of one proxy: the requests that begin after this object is made.

    Envoy writes a line some time after the request's end, so what is written from now on may be older.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = path.stat().st_size
        self.since = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")

    def lines(self) -> list[str]:
        """What was written since, in lines; the last one counts when it is whole."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read().rpartition(b"\n")[0].decode("utf-8", "replace").splitlines()

    def entries(self) -> list[dict[str, str]]:
        """The requests logged so far."""
        found = (match.groupdict() for line in self.lines() if (match := ACCESS_LOG.search(line)))
        return [entry for entry in found if entry["start"] >= self.since]

    def entry(self, path: str) -> dict[str, str]:
        """The first request to this path, as soon as it is logged; AssertionError when it does not come."""
        end = time.monotonic() + SECONDS
        while not (found := [entry for entry in self.entries() if entry["path"] == path]):
            assert time.monotonic() < end, f"{self.path.name}: no request to {path}"
            time.sleep(INTERVAL)
        return found[0]

    def awaited(self, count: int) -> list[dict[str, str]]:
        """The requests logged as soon as there are so many; AssertionError when they do not come."""
        end = time.monotonic() + SECONDS
        while len(found := self.entries()) < count:
            assert time.monotonic() < end, f"{self.path.name}: {len(found)} of {count} requests logged"
            time.sleep(INTERVAL)
        return found
