"""The objects that the tests of traffic write, without the lines that are the same in all of them."""

from __future__ import annotations

import math
from collections import Counter

from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

WEB = "http://web:8000"
WEB_CLUSTER = "outbound|8000||web.default.svc.cluster.local"
SUBSETS = """
subsets:
- {name: v1, labels: {version: v1}}
- {name: v2, labels: {version: v2}}
- {name: v3, labels: {version: v3}}
"""
Z = 4.3
"""Standard deviations within which 999 of 1,000 runs of all these tests stay: some fifty shares each."""


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


def likely(hits: int, tries: int, share: float) -> bool:
    """Whether the hits are as near to the share as chance leaves them."""
    return abs(hits - tries * share) <= Z * math.sqrt(tries * share * (1 - share))
