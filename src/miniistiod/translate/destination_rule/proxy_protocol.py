"""TrafficPolicy.ProxyProtocol → a transport socket that first tells the upstream who the client is."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)

from miniistiod.api.istio.networking.destination_rule_pb2 import TrafficPolicy
from miniistiod.vocab.packing import packed
from miniistiod.vocab.transport_socket import raw_buffer

NAME = "envoy.transport_sockets.upstream_proxy_protocol"

_VERSIONS = {
    TrafficPolicy.ProxyProtocol.V1: ProxyProtocolConfig.V1,
    TrafficPolicy.ProxyProtocol.V2: ProxyProtocolConfig.V2,
}


def proxy_protocol(
    setting: TrafficPolicy.ProxyProtocol, inner: TransportSocket | None = None
) -> TransportSocket:
    """The socket around another one; around plain text when there is none."""
    transport = ProxyProtocolUpstreamTransport(
        config=ProxyProtocolConfig(version=_VERSIONS[setting.version]),
        transport_socket=inner or raw_buffer("raw_buffer"),
    )
    return TransportSocket(name=NAME, typed_config=packed(transport))
