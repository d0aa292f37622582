"""The three sides on which a proxy can listen. Much of what a listener says of itself depends on its side."""

from __future__ import annotations

from enum import Enum


class ListenerClass(Enum):
    """SIDECAR_INBOUND serves the workload, SIDECAR_OUTBOUND is its way out, GATEWAY the edge."""

    SIDECAR_INBOUND = "inbound"
    SIDECAR_OUTBOUND = "outbound"
    GATEWAY = "gateway"
