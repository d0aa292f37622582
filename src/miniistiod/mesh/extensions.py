"""TrafficExtensions, and WasmPlugins as such: their order, and for which ports and directions each is.

Source of the rules: istiod's push context and its translation of WasmPlugins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from miniistiod.api.istio.extensions.traffic_extension_pb2 import (
    TrafficExtension,
    TrafficSelector,
    WasmConfig,
)
from miniistiod.api.istio.extensions.wasm_pb2 import WasmPlugin
from miniistiod.api.istio.type.selector_pb2 import WorkloadMode
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import target_references
from miniistiod.vocab.listener_class import ListenerClass

Extension = Object[TrafficExtension]
Extensions = tuple[Extension, ...]

PLUGIN_MARK = "~istio-translated-wasmplugin"
"""Ends the name of one that was a WasmPlugin, so that it is never that of another."""

LOWEST = -(2**31)
"""The priority of one that states none."""

BOTH = (WorkloadMode.UNDEFINED, WorkloadMode.CLIENT_AND_SERVER)


@kept
def all_extensions(extensions: Extensions, plugins: tuple[Object[WasmPlugin], ...]) -> Extensions:
    """Those of both kinds, the oldest first."""
    return tuple(sorted((*extensions, *map(of_plugin, plugins)), key=lambda each: each.age))


@kept
def of_plugin(plugin: Object[WasmPlugin]) -> Extension:
    """A WasmPlugin as a TrafficExtension. They say the same in the same words."""
    given = plugin.message
    message = TrafficExtension(
        selector=given.selector if given.HasField("selector") else None,
        targetRefs=target_references(given),
        priority=given.priority if given.HasField("priority") else None,
        match=[TrafficSelector(mode=each.mode, ports=each.ports) for each in given.match],
        wasm=_wasm(given),
    )
    message.phase = given.phase  # type: ignore[assignment]  # the same numbers in both
    anything: Any = plugin
    made: Extension = replace(anything, name=f"{plugin.name}{PLUGIN_MARK}", message=message)
    return made


def by_priority(found: Iterable[Extension]) -> Extensions:
    """The highest priority first; equal ones in the order they come in."""
    return tuple(sorted(found, key=lambda each: -_priority(each.message)))


def is_for(extension: TrafficExtension, side: ListenerClass, port: int) -> bool:
    """Whether it is for this port on this side: one of its matches says so, or it has none."""
    return not extension.match or any(_matches(each, side, port) for each in extension.match)


def named_port(found: Extensions, port: int) -> int:
    """The port if one of them speaks of it; else 0, which stands for all that nobody speaks of."""
    selectors = (match for each in found for match in each.message.match)
    return port if any(port == each.number for match in selectors for each in match.ports) else 0


def _matches(selector: TrafficSelector, side: ListenerClass, port: int) -> bool:
    mode = WorkloadMode.SERVER if side is ListenerClass.SIDECAR_INBOUND else WorkloadMode.CLIENT
    if selector.mode not in (*BOTH, mode):
        return False
    return not selector.ports or any(each.number == port != 0 for each in selector.ports)


def _priority(extension: TrafficExtension) -> int:
    return extension.priority.value if extension.HasField("priority") else LOWEST


def _wasm(plugin: WasmPlugin) -> WasmConfig:
    return WasmConfig(
        url=plugin.url,
        sha256=plugin.sha256,
        image_pull_policy=plugin.image_pull_policy,
        image_pull_secret=plugin.image_pull_secret,
        plugin_config=plugin.plugin_config,
        plugin_name=plugin.plugin_name,
        fail_strategy=plugin.fail_strategy,
        vm_config=plugin.vm_config,
        type=plugin.type,
    )
