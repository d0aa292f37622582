"""Istio's filter by which two Envoys tell each other who they are, in clusters and in TCP listeners alike."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any

from miniistiod.vocab.typed_struct import typed_struct

NAME = "istio.metadata_exchange"
MESSAGE = "envoy.tcp.metadataexchange.config.MetadataExchange"
ALPN = "istio-peer-exchange"
"""The ALPN that announces the exchange."""

CONFIG: Any = typed_struct(MESSAGE, {"protocol": ALPN, "enable_discovery": True})
