"""Who gets which address in a lab: workloads from one range, services from another, as in a cluster.

A service's address depends on its name only, so that it is the same after every restart and on every machine.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable

PODS = ipaddress.ip_network("10.244.0.0/16")
SERVICES = ipaddress.ip_network("10.96.0.0/16")
ROUTER = PODS[1]
"""The lab's own address: router of all workloads, name server, control plane."""
FIRST_POD = 10


def service_address(namespace: str, name: str, taken: Iterable[str]) -> str:
    """The cluster IP of a service: told by its name, the next free one if another service has it."""
    used = set(taken)
    size = SERVICES.num_addresses - 2
    start = int.from_bytes(hashlib.sha256(f"{namespace}/{name}".encode()).digest()[:4], "big")
    for step in range(size):
        address = str(SERVICES[1 + (start + step) % size])
        if address not in used:
            return address
    raise ValueError(f"no service address left in {SERVICES}")


def pod_address(taken: Iterable[str]) -> str:
    """The lowest free address for a workload."""
    used = set(taken)
    for number in range(FIRST_POD, PODS.num_addresses - 1):
        if (address := str(PODS[number])) not in used:
            return address
    raise ValueError(f"no workload address left in {PODS}")
