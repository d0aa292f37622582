"""Who is connected and how far each client is: read by the debug pages, proxy-status and the metrics."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from miniistiod.server.dialects import Dialect
from miniistiod.xds.resource import Snapshot


class Refusal(Exception):
    """Why a stream is ended or not begun, as a gRPC status."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True, eq=False)
class Connection:
    """One stream of one client. `wake` tells its writer that there is something to look at.

    changed_at: when the oldest change was that it has not acknowledged.
    news: the source has changed since this client's resources were last taken from it.
    rejects: the labels under which the metrics count what it rejects, by type.
    """

    dialect: Dialect
    node: Any
    peer: str
    identity: Any
    session: Any
    since: float
    number: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    refusal: Refusal | None = None
    changed_at: float | None = None
    news: bool = False
    rejects: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """As istiod numbers them: the node's id and a count."""
        return f"{self.node.id}-{self.number}"

    def end(self, refusal: Refusal | None = None) -> None:
        """Ask the writer to finish."""
        self.ended, self.refusal = True, self.refusal or refusal
        self.wake.set()

    @property
    def snapshot(self) -> Snapshot:
        """The resources this client was last given to choose from."""
        snapshot: Snapshot = self.session.snapshot
        return snapshot


class Connections:
    """All streams that are open now."""

    def __init__(self, connected: Callable[[Any], None], disconnected: Callable[[Any], None]) -> None:
        self._open: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._connected = connected
        self._disconnected = disconnected

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        """Note a new stream and tell that its node is here; what the listener raises keeps it out."""
        self._connected(connection.node)
        connection.number = next(self._numbers)
        self._open[connection.number] = connection

    def closed(self, connection: Connection) -> None:
        """Note the end of a stream and tell that its node has left; a node may be here by several streams."""
        if self._open.pop(connection.number, None) is not None:
            self._disconnected(connection.node)

    def of(self, proxy: str) -> list[Connection]:
        """The streams of a proxy, by the whole id of its node or by NAME.NAMESPACE; the newest first."""
        return [c for c in reversed(self._open.values()) if proxy in (c.node.id, short_name(c.node.id))]


def short_name(node_id: str) -> str:
    """NAME.NAMESPACE out of `sidecar~IP~NAME.NAMESPACE~DOMAIN`; another id is its own name."""
    parts = node_id.split("~")
    return parts[2] if len(parts) == 4 else node_id
