"""Work that streams share: what differs between two parts, a part's share of the version of its type, and
responses.

Parts are compared by identity, so a result is computed once however many streams hold the same part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from itertools import zip_longest
from weakref import WeakValueDictionary

from miniistiod.xds.message import Response
from miniistiod.xds.resource import Part, Resource

NOTHING: Part = {}


def changed_names(old: Part, new: Part) -> tuple[str, ...]:
    """The names that are new, gone or of another version."""
    come = [n for n, r in new.items() if (o := old.get(n)) is not r and (o is None or o.version != r.version)]
    return (*come, *(old.keys() - new.keys()))


class Memo:
    """Results kept under the identity of their parts for as long as a push and the one after it; responses
    for as long as a stream waits for an answer to them. `name` begins every nonce.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._count = 0
        self._responses: WeakValueDictionary[tuple[object, ...], Response] = WeakValueDictionary()
        self._recent: dict[tuple[int, int], tuple[Part, Part, tuple[str, ...]]] = {}
        self._before = self._recent
        self._sums: dict[int, tuple[Part, int]] = {}
        self._sums_before = self._sums
        self._names: dict[frozenset[str], frozenset[str]] = {}

    def forget(self) -> None:
        """Drop what was not used since the last call; a push calls it once."""
        self._recent, self._before = {}, self._recent
        self._sums, self._sums_before = {}, self._sums
        self._names = {}

    def shared(self, names: Set[str]) -> frozenset[str]:
        """The same names, as one object for all streams that have come with them lately."""
        found = frozenset(names)
        return self._names.setdefault(found, found)

    def difference(self, old: Part, new: Part) -> tuple[str, ...]:
        """The names whose resource is not the same in both parts."""
        key = (id(old), id(new))
        known = self._recent.get(key) or self._before.get(key)
        if known is None:
            known = (old, new, changed_names(old, new))
        self._recent[key] = known
        return known[2]

    def differences(self, old: tuple[Part, ...], new: tuple[Part, ...]) -> list[str]:
        """The names that may differ between two sets of parts, also those that only moved to another part."""
        others = [(o, n) for o, n in zip(old, new, strict=False) if o is not n]
        if len(others) == 1 and len(old) == len(new):
            return list(self.difference(*others[0]))
        kept = {id(part) for part in old} & {id(part) for part in new}
        before = [part for part in old if id(part) not in kept]
        after = [part for part in new if id(part) not in kept]
        return [n for o, a in zip_longest(before, after, fillvalue=NOTHING) for n in self.difference(o, a)]

    def response(
        self,
        protocol: object,
        type_url: str,
        version: str,
        resources: tuple[Resource, ...],
        removed: tuple[str, ...],
        after: int,
    ) -> Response:
        """A response with a number above `after`, that of the last one on this stream: one that was just made
        for another stream, if it says the same, else a new one.

        "the nonce is valid only in the context of an individual xDS stream", so streams may share a nonce;
        on one stream it is never seen twice.
        """
        key = (protocol, type_url, version, removed, *map(id, resources))
        found = self._responses.get(key)
        if found is not None and found.number > after:
            object.__setattr__(found, "shared", True)
            return found
        self._count += 1
        made = Response(type_url, f"{self.name}{self._count}", version, resources, removed, self._count)
        self._responses[key] = made
        return made

    def fingerprint(self, part: Part) -> int:
        """A number that belongs to the versions in a part, whatever their order."""
        known = self._sums.get(id(part)) or self._sums_before.get(id(part))
        if known is None:
            versions = "\n".join(sorted(r.version for r in part.values())) if part else ""
            known = (part, int.from_bytes(hashlib.blake2b(versions.encode(), digest_size=8).digest(), "big"))
        self._sums[id(part)] = known
        return known[1]

    def version(self, parts: tuple[Part, ...], extra: Part = NOTHING) -> str:
        """The version of a type: it belongs to the content, so it is the same after a restart."""
        total = sum(self.fingerprint(part) for part in parts if part)
        if extra:
            total += 1 + sum(int.from_bytes(r.version.encode(), "big") for r in extra.values())
        return f"{total % 2**64:016x}"
