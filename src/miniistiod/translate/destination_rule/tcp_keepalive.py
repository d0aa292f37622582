"""TcpKeepalive of the mesh and of a connection pool → UpstreamConnectionOptions.

The pool's fields win one by one.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import UpstreamConnectionOptions
from envoy.config.core.v3.address_pb2 import TcpKeepalive
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings

Keepalive = ConnectionPoolSettings.TCPSettings.TcpKeepalive


def tcp_keepalive(own: Keepalive | None, mesh: Keepalive | None = None) -> UpstreamConnectionOptions | None:
    """The options, or None when nobody asks for keepalive. An empty message asks for the defaults."""
    asked = [keepalive for keepalive in (own, mesh) if keepalive is not None]
    if not asked:
        return None
    probes = next((k.probes for k in asked if k.probes), None)
    return UpstreamConnectionOptions(
        tcp_keepalive=TcpKeepalive(
            keepalive_probes=None if probes is None else UInt32Value(value=probes),
            keepalive_time=_seconds([k.time for k in asked if k.HasField("time")]),
            keepalive_interval=_seconds([k.interval for k in asked if k.HasField("interval")]),
        )
    )


def _seconds(durations: list[Duration]) -> UInt32Value | None:
    return UInt32Value(value=durations[0].seconds) if durations else None
