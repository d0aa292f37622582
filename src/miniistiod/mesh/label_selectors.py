"""A Kubernetes label selector of the Gateway API: does it select this namespace?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.api.gatewayapi.gateway_pb2 import LabelSelector, LabelSelectorRequirement
from miniistiod.config.objects import Object
from miniistiod.mesh.discovery import namespace_labels


def selects(selector: LabelSelector, namespace: Object[Any]) -> bool:
    """Whether all its parts hold; an empty one selects everything."""
    labels = namespace_labels(namespace)
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(each, labels) for each in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """One expression, as in Kubernetes: NotIn holds where the label is missing."""
    present, value = requirement.key in labels, labels.get(requirement.key, "")
    return {
        "In": present and value in requirement.values,
        "NotIn": not present or value not in requirement.values,
        "Exists": present,
        "DoesNotExist": not present,
    }.get(requirement.operator, False)
