"""TrafficExtensions of a proxy → the filters they are on one port, by phase.

Lua stands in the listener; Wasm comes as a resource of its own (see extensions), which may also be RBAC: that
takes the place of a module that cannot be had.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.core.v3.config_source_pb2 import (
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    ExtensionConfigSource,
)
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac
from envoy.extensions.filters.http.wasm.v3.wasm_pb2 import Wasm as HttpWasm
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac
from envoy.extensions.filters.network.wasm.v3.wasm_pb2 import Wasm as NetworkWasm
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from miniistiod.api.istio.extensions.traffic_extension_pb2 import TrafficExtension
from miniistiod.mesh.extensions import Extension, Extensions, is_for
from miniistiod.mesh.kept import kept
from miniistiod.translate.traffic_extension.lua import lua
from miniistiod.translate.traffic_extension.module_url import module_url
from miniistiod.translate.traffic_extension.wasm import is_network
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import TYPE_URL, packed

PREFIX = "extensions.istio.io/trafficextension/"
Phase = TrafficExtension.ExecutionPhase
PHASES = (Phase.AUTHN, Phase.AUTHZ, Phase.STATS, Phase.UNSPECIFIED)
"""In the order they run."""

HttpPhases = Mapping[int, tuple[HttpFilter, ...]]
NetworkPhases = Mapping[int, tuple[Filter, ...]]


def extension_name(extension: Extension) -> str:
    """The name of its filter, and of its resource."""
    return f"{PREFIX}{extension.namespace}.{extension.name}"


@kept
def http_phases(found: Extensions, side: ListenerClass, port: int) -> HttpPhases:
    """The HTTP filters on a port."""
    chosen = [each for each in found if is_for(each.message, side, port)]
    return {phase: tuple(_http_filters(chosen, phase)) for phase in PHASES}


@kept
def network_phases(found: Extensions, side: ListenerClass, port: int) -> NetworkPhases:
    """The filters of connections on a port. Lua knows only HTTP."""
    chosen = [each for each in found if is_for(each.message, side, port)]
    filters = {phase: [e for e in chosen if e.message.phase == phase] for phase in PHASES}
    return {phase: tuple(f for e in each if (f := _network_filter(e))) for phase, each in filters.items()}


def connection_filters(found: Extensions, side: ListenerClass, port: int) -> list[Filter]:
    """The filters of all phases, for a chain that has HTTP in it."""
    phases = network_phases(found, side, port)
    return [each for phase in PHASES for each in phases[phase]]


def _http_filters(chosen: list[Extension], phase: int) -> list[HttpFilter]:
    made = (_http_filter(each) for each in chosen if each.message.phase == phase)
    return [each for each in made if each is not None]


def _http_filter(extension: Extension) -> HttpFilter | None:
    message, name = extension.message, extension_name(extension)
    if message.HasField("lua"):
        script = lua(message.lua)
        return None if script is None else HttpFilter(name=name, typed_config=packed(script))
    if not usable(message) or is_network(message.wasm):
        return None
    return HttpFilter(name=name, config_discovery=_discovery(HttpWasm, HttpRbac))


def _network_filter(extension: Extension) -> Filter | None:
    message = extension.message
    if not usable(message) or not is_network(message.wasm):
        return None
    return Filter(name=extension_name(extension), config_discovery=_discovery(NetworkWasm, NetworkRbac))


def usable(message: TrafficExtension) -> bool:
    """Whether it is Wasm with an address that can be read."""
    return message.HasField("wasm") and module_url(message.wasm.url) is not None


def _discovery(*types: type[Message]) -> ExtensionConfigSource:
    """It comes over ADS, and the listener waits for it: it may be all that guards the port."""
    source = ConfigSource(
        ads=AggregatedConfigSource(), initial_fetch_timeout=Duration(), resource_api_version=ApiVersion.V3
    )
    urls = [TYPE_URL + each.DESCRIPTOR.full_name for each in types]
    return ExtensionConfigSource(config_source=source, type_urls=urls)
