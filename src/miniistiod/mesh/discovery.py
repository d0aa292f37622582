"""meshConfig.discoverySelectors: objects of namespaces that no selector selects do not count; without any,
all do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.label_selectors import namespace_labels, selects
from miniistiod.mesh.settings import MeshSettings

Objects = tuple[Object[Any], ...]


def discovered(objects: Mapping[str, Objects], settings: MeshSettings) -> Mapping[str, Objects]:
    """The objects of each kind that count. A namespace without a Namespace object has no labels."""
    selectors = settings.config.discovery_selectors
    if not selectors:
        return objects
    namespaces = objects.get("Namespace", ())
    chosen = {n.name for n in namespaces if any(selects(s, namespace_labels(n)) for s in selectors)}
    return {
        kind: each if kind == "Namespace" else tuple(o for o in each if o.namespace in ("", *chosen))
        for kind, each in objects.items()
    }
