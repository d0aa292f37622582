"""TrafficExtension: one of Wasm and Lua, and the traffic it is for.

Source: ValidateTrafficExtension in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.extensions.traffic_extension_pb2 import LuaConfig, TrafficExtension
from miniistiod.config.objects import Object
from miniistiod.config.validation.finding import Findings, error
from miniistiod.config.validation.selector import policy_targets
from miniistiod.config.validation.wasm_plugin import module, ports

LONGEST_SCRIPT = 65536


def rules(one: Object[TrafficExtension]) -> Findings:
    """Everything the webhook says about a TrafficExtension."""
    extension = one.message
    if extension.WhichOneof("filter_config") is None:
        yield from error((), "there is neither wasm nor lua", "add one of them")
    yield from policy_targets(extension)
    if extension.HasField("lua"):
        yield from _script(extension.lua)
    if extension.HasField("wasm"):
        yield from module(extension.wasm, ("wasm",))
    yield from ports(extension.match)


def _script(lua: LuaConfig) -> Findings:
    here = ("lua", "inlineCode")
    if not lua.inline_code:
        yield from error(here, "there is no script", "write envoy_on_request or envoy_on_response")
    elif len(lua.inline_code.encode()) > LONGEST_SCRIPT:
        yield from error(here, f"more than {LONGEST_SCRIPT} bytes", "shorten the script")
