"""Ports for servers that must be told theirs beforehand.

They are below those that the kernel gives to connections and to port 0, so that nobody gets one of them
before its server listens.
"""

from __future__ import annotations

import contextlib
import random
import socket

PORTS = range(20000, 30000)


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with contextlib.ExitStack() as taken:
        found: list[int] = []
        while len(found) < count:
            port = random.choice(PORTS)
            with contextlib.suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
        return found
