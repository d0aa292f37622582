"""A Kubernetes label selector, in MeshConfig or in a Gateway: does it select these labels?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from miniistiod.api.gatewayapi import gateway_pb2
from miniistiod.api.istio.mesh import config_pb2
from miniistiod.config.objects import Object

LabelSelector = config_pb2.LabelSelector | gateway_pb2.LabelSelector
Requirement = config_pb2.LabelSelectorRequirement | gateway_pb2.LabelSelectorRequirement


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all its parts hold; an empty one selects everything."""
    if isinstance(selector, config_pb2.LabelSelector):
        return _all(selector.matchLabels, selector.matchExpressions, labels)
    return _all(selector.match_labels, selector.match_expressions, labels)


def namespace_labels(namespace: Object[Any]) -> Mapping[str, str]:
    """The labels of a namespace, with the one that every namespace has by itself."""
    return {"kubernetes.io/metadata.name": namespace.name, **namespace.labels}


def _all(equal: Mapping[str, str], requirements: Iterable[Requirement], labels: Mapping[str, str]) -> bool:
    alike = all(labels.get(key) == value for key, value in equal.items())
    return alike and all(_holds(each, labels) for each in requirements)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """One expression, as in Kubernetes: NotIn holds where the label is missing."""
    present, value = requirement.key in labels, labels.get(requirement.key, "")
    return {
        "In": present and value in requirement.values,
        "NotIn": not present or value not in requirement.values,
        "Exists": present,
        "DoesNotExist": not present,
    }.get(requirement.operator, False)
