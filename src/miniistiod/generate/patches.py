"""EnvoyFilters → the patches that hold for one proxy, in the order in which they apply.

What a patch does to its kind of resource stands beside that resource (cluster_patches, ...).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import re2

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.envoy_filter.kinds import KINDS
from miniistiod.translate.envoy_filter.patch_value import patch_value

ApplyTo = EnvoyFilter.ApplyTo
Operation = EnvoyFilter.Patch.Operation
PatchContext = EnvoyFilter.PatchContext

INSERTIONS = (Operation.INSERT_AFTER, Operation.INSERT_BEFORE, Operation.INSERT_FIRST)
ORDERED = (ApplyTo.HTTP_FILTER, ApplyTo.NETWORK_FILTER, ApplyTo.HTTP_ROUTE, ApplyTo.LISTENER_FILTER)
"""Where the place counts; anywhere else an insertion is an addition."""

VERSION_LIMIT = 1024
"""A longer pattern for versions matches nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One patch of one EnvoyFilter; equal only to itself, so it can be a key. `value` None: nothing given."""

    applies_to: int
    operation: int
    match: EnvoyFilter.EnvoyConfigObjectMatch
    value: Any
    origin: Object[EnvoyFilter]

    def in_context(self, context: int) -> bool:
        """Whether it is for this side of a proxy."""
        return self.match.context in (PatchContext.ANY, context)

    @property
    def merges(self) -> bool:
        """Whether it changes what is there field by field."""
        return self.operation in (Operation.MERGE, Operation.MERGE_AND_REPLACE_LIST)

    @property
    def replaces_lists(self) -> bool:
        """Whether lists are replaced when it merges."""
        return self.operation == Operation.MERGE_AND_REPLACE_LIST


Patches = tuple[Patch, ...]


@fact
def patches(scope: ProxyScope, applies_to: int) -> Patches:
    """The patches of one kind that hold for a proxy."""
    found = (p for each in scope.envoy_filters for p in patches_of(each) if p.applies_to == applies_to)
    return tuple(p for p in found if for_proxy(p.match.proxy, scope.proxy))


@kept
def patches_of(origin: Object[EnvoyFilter]) -> Patches:
    """The patches of one EnvoyFilter. One whose value is no such message is left out."""
    made = (patch_of(each, origin) for each in origin.message.config_patches if each.HasField("patch"))
    return tuple(each for each in made if each is not None)


def patch_of(spec: EnvoyFilter.EnvoyConfigObjectPatch, origin: Object[EnvoyFilter]) -> Patch | None:
    """One patch, None when its value cannot be read."""
    kind = KINDS.get(spec.apply_to)
    if kind is None:
        return None
    try:
        value = patch_value(spec.patch.value, kind) if spec.patch.HasField("value") else None
    except ValueError:
        return None
    operation = spec.patch.operation
    if operation in INSERTIONS and spec.apply_to not in ORDERED:
        operation = Operation.ADD
    return Patch(spec.apply_to, operation, spec.match, value, origin)


def for_proxy(match: EnvoyFilter.ProxyMatch, proxy: Proxy) -> bool:
    """Whether a proxy has the version and the metadata that are asked for."""
    if match.proxy_version and not has_version(match.proxy_version, proxy):
        return False
    return all(proxy.metadata.get(key) == value for key, value in match.metadata.items())


def has_version(pattern: str, proxy: Proxy) -> bool:
    """Whether ISTIO_VERSION matches; a proxy that does not say it matches nothing."""
    version = str(proxy.metadata.get("ISTIO_VERSION") or "")
    if not version or len(pattern) > VERSION_LIMIT:
        return False
    try:
        return re2.search(pattern, version) is not None
    except (re.error, re2.error):
        return True
