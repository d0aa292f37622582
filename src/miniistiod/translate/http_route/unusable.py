"""What makes a whole HTTPRoute have no effect."""

from __future__ import annotations


class Unusable(ValueError):
    """A part of the route that Istio cannot carry out; the text says which, the reason what kind of part."""

    def __init__(self, message: str, reason: str = "InvalidFilter") -> None:
        super().__init__(message)
        self.reason = reason
