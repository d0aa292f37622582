"""What makes a whole HTTPRoute have no effect."""

from __future__ import annotations


class Unusable(ValueError):
    """A part of the route that Istio cannot carry out; the text says which."""
