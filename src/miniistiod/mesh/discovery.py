"""meshConfig.discoverySelectors: objects of namespaces that no selector selects do not count; without any,
all do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.api.istio.mesh.config_pb2 import LabelSelector, LabelSelectorRequirement
from miniistiod.config.objects import Object
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


def namespace_labels(namespace: Object[Any]) -> Mapping[str, str]:
    """Its labels, with the one that every namespace has by itself."""
    return {"kubernetes.io/metadata.name": namespace.name, **namespace.labels}


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all parts of a Kubernetes label selector hold; an empty one selects everything."""
    return all(labels.get(key) == value for key, value in selector.matchLabels.items()) and all(
        holds(each, labels) for each in selector.matchExpressions
    )


def holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """One expression, as in Kubernetes: NotIn holds where the label is missing."""
    present, value = requirement.key in labels, labels.get(requirement.key, "")
    return {
        "In": present and value in requirement.values,
        "NotIn": not present or value not in requirement.values,
        "Exists": present,
        "DoesNotExist": not present,
    }.get(requirement.operator, False)
