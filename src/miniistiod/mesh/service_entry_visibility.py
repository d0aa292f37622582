"""meshConfig.serviceEntryVisibility: how far ServiceEntries of a namespace may be exported at all.

The first policy whose rules all match the namespace's labels counts, else the default. It only ever narrows.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.istio.mesh.config_pb2 import ServiceEntryVisibility as Visibility
from miniistiod.mesh.label_selectors import selects
from miniistiod.mesh.settings import MeshSettings


def visibility(settings: MeshSettings, labels: Mapping[str, str]) -> int:
    """What counts in a namespace with these labels; PUBLIC unless the mesh applies it to sidecars."""
    configured = settings.config.service_entry_visibility
    if not configured.apply_to_sidecars:
        return Visibility.PUBLIC
    for policy in configured.policies:
        if all(matches(rule, labels) for rule in policy.matching_rules):
            return policy.visibility
    return configured.default_visibility


def matches(rule: Visibility.MatchRule, labels: Mapping[str, str]) -> bool:
    """A rule without a selector matches nothing."""
    return rule.HasField("namespace_selector") and selects(rule.namespace_selector, labels)


def capped(exports: frozenset[str], namespace: str, cap: int) -> frozenset[str]:
    """The namespaces that may see an entry of this one."""
    if cap == Visibility.NONE:
        return frozenset()
    if cap == Visibility.NAMESPACE:
        return frozenset({namespace}) if exports & {"*", namespace} else frozenset()
    return exports
