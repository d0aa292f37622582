"""The objects that the tests of traffic write, without the lines that are the same in all of them."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator

from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import SECONDS, Reply

WEB = "http://web:8000"
WEB_CLUSTER = "outbound|8000||web.default.svc.cluster.local"
SUBSETS = """
subsets:
- {name: v1, labels: {version: v1}}
- {name: v2, labels: {version: v2}}
- {name: v3, labels: {version: v3}}
"""
RARE = 1e-5
"""What is less likely is no accident; of some hundred shares in a run none may fail by bad luck."""


def networking(kind: str, name: str, spec: str, namespace: str = "default", version: str = "v1") -> str:
    """An object of networking.istio.io; `spec` is its YAML, from the first column."""
    inside = "\n".join(f"  {line}" for line in spec.strip("\n").splitlines())
    return (
        f"apiVersion: networking.istio.io/{version}\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n{inside}\n"
    )


def routes(http: str, host: str = "web", name: str = "", namespace: str = "default") -> str:
    """A VirtualService with these HTTP rules, a YAML list."""
    return networking("VirtualService", name or host, f"hosts: [{host}]\nhttp:\n{http}", namespace)


def policy(traffic: str, host: str = "web", more: str = "") -> str:
    """A DestinationRule with this trafficPolicy in YAML's short form, and more, e.g. SUBSETS."""
    lines = f"host: {host}\n" + (f"trafficPolicy: {traffic}\n" if traffic else "") + more
    return networking("DestinationRule", host.partition(".")[0], lines)


def subsets(host: str = "web") -> str:
    """v1, v2 and v3 of a service."""
    return policy("", host, SUBSETS)


def pod(lab: LiveLab, name: str) -> str:
    """A workload's address."""
    return str(next(p["address"] for p in lab.outside.ask("status")["pods"] if p["name"] == name))


def hosts(replies: list[Reply]) -> list[str]:
    """Which workload answered /hostname, request by request."""
    return [reply.json()["hostname"] for reply in replies]


def statuses(replies: list[Reply]) -> Counter[int]:
    """How many replies had which status."""
    return Counter(reply.status for reply in replies)


def eventually(true: Callable[[], bool]) -> None:
    """Wait until it is true."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end


@contextlib.contextmanager
def busy(
    lab: LiveLab, *servers: str, url: str = f"{WEB}/delay/600", count: int = 1, **order: object
) -> Iterator[str]:
    """Requests that hang at one of the servers, whose name this is, as long as the block runs."""
    apps = [lab.app(name) for name in servers]
    for app in apps:
        app.clear()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(lab.client.loop(url, timeout=600, **order))
        eventually(lambda: any(app.count for app in apps))
        yield next(app.name for app in apps if app.count)


def likely(hits: int, tries: int, share: float) -> bool:
    """Whether so many hits or more, and so many or fewer, are what chance may leave of the share."""
    chances = [chance(number, tries, share) for number in range(tries + 1)]
    return sum(chances[hits:]) > RARE and sum(chances[: hits + 1]) > RARE


def chance(hits: int, tries: int, share: float) -> float:
    """The binomial distribution."""
    return math.comb(tries, hits) * share**hits * (1 - share) ** (tries - hits)
