"""From one root to the next without a refused handshake: both are trusted before the new one is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from miniistiod.ca.authority import Authority


@dataclass(frozen=True, slots=True)
class Rotation:
    """`spread` is how long it takes until every workload trusts the new root; `leaf` how long a certificate
    of the old one may still be in use.
    """

    old: Authority
    new: Authority
    started: datetime
    spread: timedelta
    leaf: timedelta

    @property
    def signs_from(self) -> datetime:
        """From now on the new root signs."""
        return self.started + self.spread

    @property
    def ends(self) -> datetime:
        """From now on nothing of the old root is in use, and it is not trusted any more."""
        return self.signs_from + self.leaf

    def authority(self, now: datetime) -> Authority:
        """Who signs now, and whom to trust."""
        if now < self.signs_from:
            return self.old.trusting(self.new.roots)
        return self.new.trusting(self.old.roots) if now < self.ends else self.new

    def next_step(self, now: datetime) -> datetime | None:
        """When `authority` changes next; None when the rotation is over."""
        return next((step for step in (self.signs_from, self.ends) if now < step), None)
