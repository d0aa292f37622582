"""Transport sockets of clusters: plain text, TLS, and the matches by which an endpoint chooses its own."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from google.protobuf.struct_pb2 import Struct, Value

from miniistiod.vocab.packing import packed

RAW_BUFFER = "envoy.transport_sockets.raw_buffer"
TLS = "envoy.transport_sockets.tls"

MATCH_METADATA = "envoy.transport_socket_match"
"""The metadata of an endpoint that chooses its socket."""
TLS_MODE = "tlsMode"
ISTIO = "istio"
DISABLED = "disabled"


def raw_buffer(name: str = RAW_BUFFER) -> TransportSocket:
    """Plain text."""
    return TransportSocket(name=name, typed_config=packed(RawBuffer()))


def tls(context: UpstreamTlsContext) -> TransportSocket:
    """TLS to the upstream."""
    return TransportSocket(name=TLS, typed_config=packed(context))


def tls_mode(mode: str) -> Struct:
    """The metadata of an endpoint whose workload speaks this mode."""
    return Struct(fields={TLS_MODE: Value(string_value=mode)})


def matches_by_endpoint(mutual: TransportSocket) -> list[Cluster.TransportSocketMatch]:
    """Mutual TLS to endpoints that say they speak it, plain text to all others."""
    return [
        Cluster.TransportSocketMatch(
            name=f"{TLS_MODE}-{ISTIO}", match=tls_mode(ISTIO), transport_socket=mutual
        ),
        Cluster.TransportSocketMatch(
            name=f"{TLS_MODE}-{DISABLED}", match=Struct(), transport_socket=raw_buffer()
        ),
    ]
