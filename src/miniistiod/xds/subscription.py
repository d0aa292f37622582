"""What a client wants of one type: names, everything (`*`), or both.

Each transition is a sentence of "How the client specifies what resources to return" and of
"Unsubscribing From Resources" in the xDS protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WILDCARD = "*"


@dataclass(slots=True)
class Subscription:
    """`named` remembers that a name was ever given: from then on, no names means none, not all.

    `names` may be a frozen set that is shared with other streams.
    """

    legacy: bool
    wildcard: bool = False
    named: bool = False
    names: set[str] | frozenset[str] = frozenset()

    def covers(self, name: str) -> bool:
        """Whether the client wants this resource."""
        return self.wildcard or name in self.names

    def nothing_named(self) -> bool:
        """A request without names; true when it makes a wildcard subscription.

        "if the client sends a request for a given resource type but has never explicitly subscribed to any
        resource names ... the server should treat that identically to ... explicitly subscribed to '*'."
        """
        if self.named or self.wildcard or not self.legacy:
            return False
        self.wildcard = True
        return True

    def subscribe(self, names: Iterable[str]) -> bool:
        """Add names; true when `*` is among them.

        "continuing the existing subscription to '*' and adding a new subscription to 'A'."
        """
        asked = set(names)
        self.named = self.named or bool(asked)
        everything = WILDCARD in asked
        self.wildcard = self.wildcard or everything
        self._own().update(asked - {WILDCARD})
        return everything

    def unsubscribe(self, names: Iterable[str]) -> set[str]:
        """Take names away; those that the wildcard may still cover, so that the client must be told.

        "these phantom unsubscriptions" of unknown names can be ignored. "When a client has a wildcard
        subscription and a subscription to another specific resource name ... the server must send a
        response that includes the specific resource".
        """
        dropped = set(names)
        if WILDCARD in dropped:
            self.wildcard = False
        known = set(self.names & dropped)
        if known:
            self._own().difference_update(known)
        return known if self.wildcard else set()

    def replace(self, names: Iterable[str]) -> tuple[set[str], bool]:
        """The full list of a State-of-the-World request: the names that are new, and whether `*` is.

        "each request must contain the full list of resource names being subscribed to". "once the client
        does explicitly subscribe to a resource name ... clearing the list ... is interpreted as an
        unsubscription".
        """
        asked = set(names)
        if not asked and not self.named:
            return set(), self.nothing_named()
        before, had_all = self.names, self.wildcard
        self.named = True
        self.wildcard = WILDCARD in asked
        self.names = asked - {WILDCARD}
        return asked - before - {WILDCARD}, self.wildcard and not had_all

    def _own(self) -> set[str]:
        """The names as a set that may be changed."""
        if isinstance(self.names, frozenset):
            self.names = set(self.names)
        return self.names
