"""One request sent inside a running lab → its status, and what the server's own Envoy logged of it.

It is how an answer about a policy is proved: the request goes from a workload to a Service, and counts when
it was this one workload behind the Service that served it.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from miniistiod.ca.identity import Identity
from miniistiod.lab.description import Lab, Service, Workload
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.sidecar import TRUST_DOMAIN
from miniistiod.testing.traffic import INTERVAL, AccessLog
from miniistiod.vocab.asked import Asked

TRIES = 30
"""Requests before we give up to reach one workload among those of a Service."""
SECONDS_TO_LOG = 0.5
SECONDS_TO_ANSWER = "10"
CONNECT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
connection.sendall(b"who may come in?\\n")
connection.settimeout(1)
try:
    connection.recv(1)
except OSError:
    pass
"""
"""A TCP connection that says a line, and ends when something comes back or it is closed.

Envoy looks at five bytes to tell plaintext from TLS, and waits for them for ever, so the line is longer."""


class CannotFire(RuntimeError):
    """There is no way to send this request in this lab."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`details` are Envoy's response code details; on TCP those of the connection's end."""

    status: int
    details: str


@dataclass(frozen=True, slots=True)
class Shot:
    """From whom to whom, by which Service; `port` is the Service's, `listening` the workload's own."""

    outside: OutsideLab
    origin: Workload
    target: Workload
    service: Service
    port: int
    listening: int

    @property
    def authority(self) -> str:
        """The Host header that a client of the Service sends."""
        return f"{self.service.name}.{self.service.namespace}:{self.port}"

    def seen(self, asked: Asked) -> Asked:
        """The request as the server will see it, where the user has not said otherwise."""
        addresses = {
            f"{p['name']}.{p['namespace']}": p["address"] for p in self.outside.ask("status")["pods"]
        }
        own = Identity(TRUST_DOMAIN, self.origin.namespace, self.origin.service_account)
        source = addresses[self.origin.key]
        return replace(
            asked,
            host=asked.host or self.authority,
            port=self.listening,
            address=addresses[self.target.key],
            source_ip=source,
            remote_ip=asked.remote_ip or source,
            principal=own.uri if self.origin.proxy != "none" else "",
        )

    def fired(self, asked: Asked, tcp: bool) -> Answer:
        """Send it until it has come to the target. Raises CannotFire."""
        log = AccessLog(self.outside.state.logs / f"{self.target.key}.istio-proxy.log")
        for _ in range(TRIES):
            mark = f"authz-{uuid.uuid4().hex[:12]}"
            command = self.connection() if tcp else self.request(asked, mark)
            entrance = self.outside.entrance(self.origin.key, command)
            done = subprocess.run(entrance, capture_output=True, text=True)
            if found := logged(log, None if tcp else mark):
                ending = found["connection"] if tcp else "-"
                details = found["details"] if ending == "-" else ending
                return Answer(0 if tcp else int(done.stdout or 0), details)
        raise CannotFire(f"{TRIES} requests to {self.authority} did not come to {self.target.key}")

    def request(self, asked: Asked, mark: str) -> list[str]:
        """An HTTP request that the access log can be searched for."""
        headers = [word for name, value in asked.headers.items() for word in ("-H", f"{name}: {value}")]
        return [
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", SECONDS_TO_ANSWER, "--path-as-is"),
            *("-X", asked.method, "-A", mark, "-H", f"Host: {asked.host}", *headers),
            f"http://{self.authority}{asked.path}",
        ]

    def connection(self) -> list[str]:
        """A TCP connection."""
        return [sys.executable, "-c", CONNECT, *self.authority.rsplit(":", 1)]


def logged(log: AccessLog, agent: str | None) -> dict[str, str] | None:
    """The line of the request with this user agent, or of any TCP connection; None when it does not come."""
    end = time.monotonic() + SECONDS_TO_LOG
    while time.monotonic() < end:
        for entry in log.entries():
            if entry["agent"] == agent or (agent is None and entry["method"] == "-"):
                return entry
        time.sleep(INTERVAL)
    return None


def shot(outside: OutsideLab, origin: str, target: str, port: int) -> Shot:
    """How to reach `target` from `origin`, both NAME or NAME.NAMESPACE, on a port it listens on; 0 is any."""
    lab = outside.described()
    client, server = workload(lab, origin), workload(lab, target)
    if server.proxy == "none":
        raise CannotFire(f"{server.key} has no sidecar: no Envoy decides about its requests")
    ways = list(paths(lab, server))
    for service, number, listening in ways:
        if port in (0, listening):
            return Shot(outside, client, server, service, number, listening)
    known = ", ".join(str(listening) for *_, listening in ways) or "none"
    raise CannotFire(f"no Service leads to port {port} of {server.key}; there are: {known}")


def workload(lab: Lab, name: str) -> Workload:
    """A workload of the lab, by NAME, NAME.NAMESPACE or the name of what owns it."""
    for one in lab.workloads:
        if name in (one.key, one.name, one.owner, f"{one.owner}.{one.namespace}"):
            return one
    raise CannotFire(f"no workload {name} runs in the lab")


def paths(lab: Lab, server: Workload) -> Iterator[tuple[Service, int, int]]:
    """The Services that lead to a workload, with their port and the workload's own."""
    for service in lab.services:
        for port in service.ports if service.selects(server) else ():
            yield service, port.number, port.target_number(server)
