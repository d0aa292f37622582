"""A proxy's scope → the extensions it may ask for by name: Wasm filters, and what EnvoyFilters add.

An Envoy of Istio's has an agent that fetches modules. A stock Envoy fetches by itself what it can; for the
rest it gets what the agent gives for a module that cannot be had: a filter that lets all pass (FAIL_OPEN), or
nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.rbac.v3.rbac_pb2 import RBAC
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac
from envoy.extensions.filters.http.wasm.v3.wasm_pb2 import Wasm as HttpWasm
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac
from envoy.extensions.filters.network.wasm.v3.wasm_pb2 import Wasm as NetworkWasm
from envoy.extensions.wasm.v3.wasm_pb2 import PluginConfig
from google.protobuf.message import Message

from miniistiod.api.istio.extensions.traffic_extension_pb2 import WasmConfig
from miniistiod.api.istio.extensions.wasm_pb2 import FailStrategy
from miniistiod.generate.extension_filters import extension_name, usable
from miniistiod.generate.module_clusters import fetch_cluster
from miniistiod.generate.patches import ApplyTo, Operation, Patches, patches
from miniistiod.mesh.extensions import Extension, Extensions
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.traffic_extension.wasm import is_network, own_fetch, wasm
from miniistiod.vocab.packing import packed
from miniistiod.xds.resource import Part, Resource, resource

ALLOWED, DENIED = "wasm-default-allow", "wasm-default-deny"


@fact
def extensions(scope: ProxyScope) -> tuple[Part, ...]:
    """All of its namespace and of the root namespace; which are for it, its listeners say."""
    own = wasm_part(scope.named_extensions, not scope.proxy.istio_extensions)
    added = patched_part(patches(scope, ApplyTo.EXTENSION_CONFIG))
    return (own, {name: each for name, each in added.items() if name not in own})


@kept
def patched_part(found: Patches) -> Part:
    """What EnvoyFilters add. They can only add, and the side they are for does not count."""
    added = [p for p in found if p.operation == Operation.ADD and p.value is not None]
    return {patch.value.name: _resource(patch.value, patch.origin) for patch in added}


@kept
def wasm_part(found: Extensions, stock: bool) -> Part:
    """The Wasm filters."""
    made = (wasm_resource(each, stock) for each in found if usable(each.message))
    return {resource.name: resource for resource in made}


@kept
def wasm_resource(extension: Extension, stock: bool) -> Resource:
    """One Wasm filter; its version is that of its document."""
    config = extension.message.wasm
    name = f"{extension.namespace}.{extension.name}"
    plugin = wasm(config, name, document_version(extension.message))
    assert plugin is not None, "the url was read before"
    filter = _stock_filter(plugin, config) if stock else _filter(plugin, config)
    made = TypedExtensionConfig(name=extension_name(extension), typed_config=packed(filter))
    return _resource(made, extension)


def document_version(message: Message) -> str:
    """Another one when the document says something else: then the agent fetches the module again."""
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=8).hexdigest()


def _filter(plugin: PluginConfig, config: WasmConfig) -> Message:
    made: Message = NetworkWasm(config=plugin) if is_network(config) else HttpWasm(config=plugin)
    return made


def _stock_filter(plugin: PluginConfig, config: WasmConfig) -> Message:
    made = own_fetch(plugin, fetch_cluster(config))
    return _instead(config) if made is None else _filter(made, config)


def _instead(config: WasmConfig) -> Message:
    """No rules let everything pass, empty ones nothing."""
    passes = config.fail_strategy == FailStrategy.FAIL_OPEN
    rules, prefix = (None, ALLOWED) if passes else (RBAC(), DENIED)
    made: Message = (
        NetworkRbac(rules=rules, stat_prefix=prefix)
        if is_network(config)
        else HttpRbac(rules=rules, rules_stat_prefix=prefix)
    )
    return made


def _resource(message: TypedExtensionConfig, origin: Any) -> Resource:
    return resource(message.name, message.SerializeToString(deterministic=True), origins=(origin,))
