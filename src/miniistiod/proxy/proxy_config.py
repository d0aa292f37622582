"""ProxyConfig in force for a proxy: what it sends itself hides the mesh's defaultConfig whole, even when it
is {}.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import json_format

from miniistiod.api.istio.mesh import proxy_pb2
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveProxyConfig:
    """The message, as one object for all proxies that are configured alike, so it can be a key."""

    message: proxy_pb2.ProxyConfig


@kept
def effective(settings: MeshSettings, own: str | None) -> EffectiveProxyConfig:
    """`own` is PROXY_CONFIG as JSON, None when the proxy sends none. Unknown fields are passed over."""
    if own is None:
        return EffectiveProxyConfig(settings.proxy_config)
    try:
        message = json_format.Parse(own, proxy_pb2.ProxyConfig(), ignore_unknown_fields=True)
    except json_format.ParseError:
        message = proxy_pb2.ProxyConfig()
    return EffectiveProxyConfig(message)
