"""The book of one type's responses: which are on their way, which were accepted, which rejected and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from miniistiod.xds.message import Rejection, Response

REMEMBERED = 100
"""Unanswered responses that are kept; a client that never answers must not fill the memory."""


def culprits(response: Response, reason: str) -> frozenset[str]:
    """The resources that a NACK speaks of; all of its response when it names none."""
    words = {word.strip(":.[]") for word in re.split(r"[\s,;'\"()]+", reason)}
    names = {r.name for r in response.resources}
    return frozenset(names & words or names)


@dataclass(slots=True)
class Book:
    """`flights` are responses without an answer, in order, each with what its new clusters await.

    `patient` is false when the caller no longer wants to wait for them.
    """

    flights: dict[str, tuple[Response, frozenset[str]]] = field(default_factory=dict)
    patient: bool = True
    sent_nonce: str = ""
    sent_number: int = 0
    sent_version: str = ""
    sent_time: float = 0.0
    acked_nonce: str = ""
    acked_version: str = ""
    acked_time: float = 0.0
    rejected: Rejection | None = None

    @property
    def in_flight(self) -> bool:
        """Whether the next push waits for an answer."""
        return self.patient and bool(self.flights)

    def departed(self, response: Response, awaited: frozenset[str], now: float) -> None:
        """A response is on its way."""
        self.sent_nonce, self.sent_version, self.sent_time = response.nonce, response.version, now
        self.sent_number = response.number
        self.flights[response.nonce] = (response, awaited)
        self.patient = True
        if len(self.flights) > REMEMBERED:
            del self.flights[next(iter(self.flights))]

    def landed(self, nonce: str, error: str | None, now: float) -> list[tuple[Response, frozenset[str]]]:
        """An ACK or NACK; the flights of this response and of those before it: clients answer in order.

        "ACK or NACK is determined by the absence or presence of error_detail."
        """
        if nonce not in self.flights:
            return []
        landed = list[tuple[Response, frozenset[str]]]()
        for earlier in list(self.flights):
            landed.append(self.flights.pop(earlier))
            if earlier == nonce:
                break
        response = landed[-1][0]
        if error is None:
            self._accepted(response, now)
        else:
            self.rejected = Rejection(nonce, response.version, error, now, culprits(response, error))
        return landed

    def _accepted(self, response: Response, now: float) -> None:
        """An earlier rejection is over once all that it spoke of was accepted in another form, or is gone."""
        self.acked_nonce, self.acked_version, self.acked_time = response.nonce, response.version, now
        if self.rejected is None:
            return
        left = self.rejected.culprits.difference((r.name for r in response.resources), response.removed)
        self.rejected = self.rejected.about(left) if left else None
