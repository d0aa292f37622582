"""EnvoyFilters whose operation cannot do what it says, or depends on an order that nobody fixed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object

Filter = Object[EnvoyFilter]
NO_ADDING = (EnvoyFilter.ROUTE_CONFIGURATION, EnvoyFilter.HTTP_ROUTE)
REPLACEABLE = (EnvoyFilter.NETWORK_FILTER, EnvoyFilter.HTTP_FILTER, EnvoyFilter.VIRTUAL_HOST)
OPERATION = EnvoyFilter.Patch
INSERTING = (OPERATION.INSERT_BEFORE, OPERATION.INSERT_AFTER)
USELESS = {OPERATION.ADD: "IST0153", OPERATION.REMOVE: "IST0154"}


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them. istioctl looks at names seen with a proxyVersion before, in the order of the filters."""
    versioned: set[str] = set()
    for each in world.store.of(EnvoyFilter):
        for index, patch in enumerate(each.message.config_patches):
            if not patch.HasField("patch"):
                break
            name = filter_name(patch)
            yield from of_patch(each, index, patch, name in versioned)
            if patch.match.proxy.proxy_version:
                versioned.add(name)


def of_patch(each: Filter, index: int, patch: Any, versioned: bool) -> Iterator[Diagnostic]:
    """What is wrong with one patch."""
    path = f"spec.configPatches[{index}].patch.operation"
    operation = patch.patch.operation
    word = OPERATION.Operation.Name(operation)
    target = EnvoyFilter.ApplyTo.Name(patch.apply_to)
    if operation in USELESS and patch.apply_to in NO_ADDING:
        code, remedy = USELESS[operation], "use MERGE, or patch the VIRTUAL_HOST"
        yield message(ERROR, code, each, path, f"{word} for {target} is ignored", "nothing changes", remedy)
    elif operation == OPERATION.REPLACE and patch.apply_to not in REPLACEABLE:
        remedy = "use MERGE, or REMOVE and ADD"
        cause = f"REPLACE is for filters and virtual hosts, not for {target}"
        yield message(ERROR, "IST0152", each, path, cause, "nothing changes", remedy)
    elif operation in (*INSERTING, OPERATION.REMOVE, OPERATION.REPLACE) and each.message.priority == 0:
        code = "IST0155" if versioned else "IST0151"
        cause = f"{word} is relative to what is there, and the EnvoyFilter has no priority"
        symptom = "whether it finds its place depends on the age of other EnvoyFilters"
        yield message(WARNING, code, each, path, cause, symptom, "set priority, or use INSERT_FIRST or ADD")


def filter_name(patch: Any) -> str:
    """The name istioctl knows a patch by; "" when it has none."""
    value = patch.patch.value
    if not value.fields:
        return ""
    if "name" in value.fields:
        return str(value.fields["name"].string_value)
    return str(patch.match.listener.filter_chain.filter.name)
