"""exportTo → the namespaces that may see an object: names, or "*"; nobody when it says "~"."""

from __future__ import annotations

from collections.abc import Iterable


def export_to(given: Iterable[str], default: frozenset[str], namespace: str) -> frozenset[str]:
    """`default` is the mesh's, taken when nothing is given. "." is the object's own namespace."""
    exports = frozenset(given) or default
    if "*" in exports:
        return frozenset({"*"})
    if "~" in exports:
        return frozenset()
    return frozenset(namespace if each == "." else each for each in exports)
