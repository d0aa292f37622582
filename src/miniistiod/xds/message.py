"""What a client says and what it is answered, without the wire: the events of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from miniistiod.xds.resource import Resource


@dataclass(frozen=True, slots=True)
class SotwRequest:
    """A DiscoveryRequest. `error` is the text of its error_detail, None without one."""

    type_url: str
    names: tuple[str, ...] = ()
    nonce: str = ""
    error: str | None = None
    code: int = 0
    node: Any = None


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """A DeltaDiscoveryRequest. `held` are its initial_resource_versions."""

    type_url: str
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None
    code: int = 0
    node: Any = None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Response:
    """A response of either protocol; `removed` stays empty in State-of-the-World.

    `number` grows from one to the next. Streams that are told the same share one (see memo.py): then
    `shared` is set, and its bytes on the wire are kept with it.
    """

    type_url: str
    nonce: str
    version: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...] = ()
    number: int = 0
    shared: bool = field(default=False, init=False, repr=False, compare=False)
    wire: bytes = field(default=b"", init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A NACK: of which response, why, when (the caller's clock), and which resources it is about."""

    nonce: str
    version: str
    reason: str
    time: float
    culprits: frozenset[str]

    def about(self, culprits: frozenset[str]) -> Rejection:
        """The same, after some of its resources were mended."""
        return replace(self, culprits=culprits)
