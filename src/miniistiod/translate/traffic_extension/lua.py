"""LuaConfig → Envoy's Lua filter."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua

from miniistiod.api.istio.extensions.traffic_extension_pb2 import LuaConfig

LONGEST = 65536
"""Bytes of a script that istiod still takes."""


def lua(config: LuaConfig) -> Lua | None:
    """The script as it stands; None for one that is empty or too long."""
    if not 0 < len(config.inline_code.encode()) <= LONGEST:
        return None
    return Lua(default_source_code=DataSource(inline_string=config.inline_code))
