"""The metrics, under istiod's names, so that its dashboards and alerts fit.

Everything that counts something calls a method here; `text` is what Prometheus reads.
"""

from __future__ import annotations

import re
import time
from typing import Any

import grpc
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from miniistiod.server.connections import Connection
from miniistiod.xds.message import Response
from miniistiod.xds.type_rules import rules_of

_quiet: Any = prometheus_client.disable_created_metrics
_quiet()
PUSH_SECONDS = (0.01, 0.1, 0.5, 1, 3, 5, 10, 20, 30)
CONVERGENCE_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30)
SIZE_BYTES = (1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000)
REJECTS = ("cds", "eds", "lds", "rds")
_SUFFIX = re.compile(r"\b(pilot_\w+?)_total\b")


def kind(type_url: str) -> str:
    """`cds` for clusters and so on: the label `type`."""
    return rules_of(type_url).name.lower()


class Metrics:
    """One set of metrics with its own registry; the mesh's owner sets `services`, `virtual_services`."""

    def __init__(self, version: str = "") -> None:
        self.registry = CollectorRegistry()
        reg: Any = {"registry": self.registry}
        by_type: Any = {"labelnames": ("type",), **reg}
        self.pushes = Counter("pilot_xds_pushes", "Responses sent, by type.", **by_type)
        self.rejects = Counter("pilot_total_xds_rejects", "Rejected responses, by type.", **by_type)
        self.expired = Counter("pilot_xds_expired_nonce", "Requests with an old nonce, by type.", **by_type)
        self.rejected = {
            name: Gauge(f"pilot_xds_{name}_reject", f"Rejected {name.upper()}.", ("node", "err"), **reg)
            for name in REJECTS
        }
        self.triggers = Counter("pilot_push_triggers", "Changes that led to a push, by reason.", **by_type)
        self.updates = Counter("pilot_inbound_updates", "Changes heard of, by what changed.", **by_type)
        self.push_time = Histogram(
            "pilot_xds_push_time", "Seconds to send a response, by type.", buckets=PUSH_SECONDS, **by_type
        )
        self.convergence = Histogram(
            "pilot_proxy_convergence_time",
            "Seconds from a change until a proxy has acknowledged all of it.",
            buckets=CONVERGENCE_SECONDS,
            **reg,
        )
        self.sizes = Histogram(
            "pilot_xds_config_size_bytes", "Sizes of responses, by type.", buckets=SIZE_BYTES, **by_type
        )
        self._types: dict[str, tuple[Counter, Histogram, Histogram]] = {}
        self.clients = Gauge("pilot_xds", "Streams that are open.", ("version",), **reg)
        self.services = Gauge("pilot_services", "Services known.", **reg)
        self.virtual_services = Gauge("pilot_virt_services", "VirtualServices known.", **reg)
        Gauge("pilot_info", "The version of this program.", ("version",), **reg).labels(version).set(1)

    def text(self) -> bytes:
        """The exposition format. istiod's counters have no `_total`, so it is taken off again."""
        return _SUFFIX.sub(r"\1", prometheus_client.generate_latest(self.registry).decode()).encode()

    def _of_type(self, type_url: str) -> tuple[Counter, Histogram, Histogram]:
        """What is counted for each response of a type; a push of many asks for it many times."""
        found = self._types.get(type_url)
        if found is None:
            name = kind(type_url)
            found = self.pushes.labels(name), self.push_time.labels(name), self.sizes.labels(name)
            self._types[type_url] = found
        return found

    def changed(self, reason: str) -> None:
        """The source has something new."""
        self.updates.labels(reason).inc()
        self.triggers.labels(reason).inc()

    def connected(self, connection: Connection) -> None:
        """A stream began."""
        self.clients.labels(istio_version(connection.node)).inc()

    def disconnected(self, connection: Connection) -> None:
        """A stream ended; what it rejected is nobody's state any more."""
        self.clients.labels(istio_version(connection.node)).dec()
        for name in self.rejected:
            self._forgive(connection, name)

    def sent(self, connection: Connection, response: Response, size: int, seconds: float) -> None:
        """A response went out."""
        pushes, push_time, sizes = self._of_type(response.type_url)
        pushes.inc()
        push_time.observe(seconds)
        sizes.observe(size)

    def received(self, connection: Connection, request: Any) -> None:
        """A request was taken in: an answer to a response, or a change of the subscription."""
        name = kind(request.type_url)
        book = connection.session.states[request.type_url].book
        if request.error is None and request.nonce and book.sent_nonce not in ("", request.nonce):
            self.expired.labels(name).inc()
        rejection = book.rejected
        if rejection is None:
            self._forgive(connection, name)
        elif request.error is not None and rejection.nonce == request.nonce:
            self.rejects.labels(name).inc()
            if name in self.rejected:
                self._forgive(connection, name)
                connection.rejects[name] = (connection.node.id, code_name(request.code))
                self.rejected[name].labels(*connection.rejects[name]).set(1)
        if connection.changed_at is not None and not connection.news and connection.session.settled:
            self.convergence.observe(max(0.0, time.time() - connection.changed_at))
            connection.changed_at = None

    def _forgive(self, connection: Connection, name: str) -> None:
        """Take a rejection of this proxy out of the gauge."""
        if (labels := connection.rejects.pop(name, None)) is not None:
            self.rejected[name].remove(*labels)


CODES: dict[int, str] = {code.value[0]: code.name.title().replace("_", "") for code in grpc.StatusCode}


def code_name(code: int) -> str:
    """The gRPC code of a NACK as istiod writes it: the label `err`."""
    return CODES.get(code, str(code))


def istio_version(node: Any) -> str:
    """What the proxy says it is: the label `version`."""
    fields = node.metadata.fields
    return str(fields["ISTIO_VERSION"].string_value or "unknown") if "ISTIO_VERSION" in fields else "unknown"
