"""The names of Istio's clusters: `outbound|PORT|SUBSET|HOST` and their kin."""

from __future__ import annotations

from typing import NamedTuple

PASSTHROUGH = "PassthroughCluster"
BLACK_HOLE = "BlackHoleCluster"
ALLOW_ANY_DYNAMIC_DNS = "AllowAnyDynamicDNSCluster"
UNKNOWN = "UnknownService"


class ClusterName(NamedTuple):
    """The parts of a cluster's name."""

    direction: str
    port: int
    subset: str
    host: str


def outbound(host: str, port: int, subset: str = "") -> str:
    """The cluster of a service (or of a subset of it) as clients know it."""
    return f"outbound|{port}|{subset}|{host}"


def inbound(port: int, host: str = "", subset: str = "") -> str:
    """The cluster of the application behind a sidecar."""
    return f"inbound|{port}|{subset}|{host}"


def outbound_sni(host: str, port: int, subset: str = "") -> str:
    """The same in the form that can stand in an SNI."""
    return f"outbound_.{port}_.{subset}_.{host}"


def module(scheme: str, host: str, port: int) -> str:
    """Where a stock Envoy fetches a Wasm module; Istio has no such cluster."""
    return f"module_{scheme}|{port}||{host}"


def parsed(name: str) -> ClusterName | None:
    """The parts of a name of one of these forms, None for any other name."""
    parts = name.split("_.", 3) if name.startswith("outbound_.") else name.split("|")
    if len(parts) != 4:
        return None
    direction, port, subset, host = parts
    return ClusterName(direction, int(port) if port.isdecimal() else 0, subset, host)
