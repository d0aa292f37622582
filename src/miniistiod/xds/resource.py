"""A resource as the protocol sees it, and the few lines through which a server is given its resources.

The protocol knows names, versions and bytes; it does not know what they mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Resource:
    """One named resource of one type.

    `body` is the serialised message (the value of its Any). `version` is the hash of it, so equal content
    has an equal version after a restart too. `needs` are the names of the resources of the next type that
    this one asks its client to fetch (a cluster's endpoints, a listener's routes). `origins` says what it
    was made from and is only passed through. A resource belongs to one type: the heads of its frames on the
    wire are kept with it (see wire.py).
    """

    name: str
    version: str
    body: bytes
    needs: tuple[str, ...] = ()
    origins: tuple[Any, ...] = ()
    sotw_head: bytes = field(default=b"", init=False, repr=False, compare=False)
    delta_head: bytes = field(default=b"", init=False, repr=False, compare=False)


def resource(name: str, body: bytes, needs: Iterable[str] = (), origins: Iterable[Any] = ()) -> Resource:
    """A resource whose version is the hash of its body."""
    version = hashlib.blake2b(body, digest_size=8).hexdigest()
    return Resource(name, version, body, tuple(needs), tuple(origins))


Part = Mapping[str, Resource]
"""Resources by name. Never changed once made; many clients share one, and it is compared by identity."""


class Snapshot(Protocol):
    """All that one client may have at one moment."""

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The resources of a type, in parts with disjoint names; () for a type that it does not know.

        A part that did not change is the same object as in the snapshot before. A few parts are best: to
        find a name, each is asked.
        """
        ...


class Source(Protocol):
    """Where a server takes its resources from."""

    def snapshot(self, node: Any) -> Snapshot:
        """What the client with this Envoy Node may have now; the same object as before if nothing changed."""
        ...
