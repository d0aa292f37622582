"""Which policies apply to a workload: one rule of selection for every kind that has a selector or targetRefs.

Source of the rule: istiod's policy attachment. A policy of the root namespace applies to all namespaces.
A workload that carries a gateway's name (Gateway API) is meant by targetRefs; any other only by selectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from miniistiod.config.objects import Object

M = TypeVar("M", bound=Message)

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
GATEWAY_GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True, eq=False)
class PolicyIndex(Generic[M]):
    """The policies of one kind by namespace, in order of precedence (oldest first)."""

    root_namespace: str
    by_namespace: Mapping[str, tuple[Object[M], ...]]

    def of_workload(self, namespace: str, labels: Mapping[str, str]) -> tuple[Object[M], ...]:
        """All that apply to a workload: those of the root namespace, then those of its own."""
        return self.of_root(labels, namespace) + self.of_namespace(namespace, labels)

    def nearest_first(self, namespace: str, labels: Mapping[str, str]) -> tuple[Object[M], ...]:
        """All that apply to a workload: those of its own namespace, then those of the root namespace."""
        return self.of_namespace(namespace, labels) + self.of_root(labels, namespace)

    def of_root(self, labels: Mapping[str, str], namespace: str) -> tuple[Object[M], ...]:
        """Those of the root namespace; () for a workload in the root namespace, which has them as its own."""
        if namespace == self.root_namespace:
            return ()
        return tuple(p for p in self.in_namespace(self.root_namespace) if applies(p, namespace, labels))

    def of_namespace(self, namespace: str, labels: Mapping[str, str]) -> tuple[Object[M], ...]:
        """Those of the workload's own namespace."""
        return tuple(p for p in self.in_namespace(namespace) if applies(p, namespace, labels))

    def in_namespace(self, namespace: str) -> tuple[Object[M], ...]:
        """All policies that stand in a namespace, whomever they select."""
        return self.by_namespace.get(namespace, ())


def policy_index(objects: Iterable[Object[M]], root_namespace: str) -> PolicyIndex[M]:
    """The index of these objects, which come in order of precedence."""
    found: dict[str, list[Object[M]]] = {}
    for each in objects:
        found.setdefault(each.namespace, []).append(each)
    return PolicyIndex(root_namespace, {namespace: tuple(policies) for namespace, policies in found.items()})


def applies(policy: Object[Any], namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a policy, which stands in this namespace or in the root one, applies to a workload."""
    gateway = labels.get(GATEWAY_NAME)
    references = target_references(policy.message)
    if not references:
        return selected(selector(policy.message), labels)
    return (
        gateway is not None
        and policy.namespace == namespace
        and any(names_gateway(each, gateway, namespace) for each in references)
    )


def target_references(message: Any) -> list[Any]:
    """The targetRefs of any policy, the older singular field included."""
    names = message.DESCRIPTOR.fields_by_name
    several = list(message.targetRefs) if "targetRefs" in names else []
    if not several and "targetRef" in names and message.HasField("targetRef"):
        return [message.targetRef]
    return several


def selector(message: Any) -> Mapping[str, str] | None:
    """The labels a policy asks for, under whichever name its kind has; None when it asks for none."""
    for name, labels in (("selector", "match_labels"), ("workload_selector", "labels")):
        if name in message.DESCRIPTOR.fields_by_name and message.HasField(name):
            chosen: Mapping[str, str] = getattr(getattr(message, name), labels)
            return chosen
    return None


def selected(wanted: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether a workload carries all the labels that are asked for."""
    return all(labels.get(key) == value for key, value in (wanted or {}).items())


def names_gateway(reference: Any, gateway: str, namespace: str) -> bool:
    """Whether a targetRef is this Gateway of the Gateway API."""
    return (
        reference.group == GATEWAY_GROUP
        and reference.kind == "Gateway"
        and reference.name == gateway
        and reference.namespace in ("", namespace)
    )
