"""A Listener message → the resource that is sent; and what all listeners share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.mesh.settings import MeshSettings
from miniistiod.xds.resource import Resource, resource

ONE_AT_A_TIME = UInt32Value(value=1)
"""A listener takes one connection for each event, so that one thread does not take them all."""

HANDSHAKE_TIMEOUT = Duration(seconds=15)
"""A client that does not finish its TLS handshake by then is cut off."""


def listener_resource(
    listener: Listener, routes: Iterable[str] = (), origins: Iterable[Any] = ()
) -> Resource:
    """The listener as a resource; `routes` are the route tables that its chains fetch."""
    body = listener.SerializeToString(deterministic=True)
    return resource(listener.name, body, dict.fromkeys(routes), origins)


def detection_timeout(settings: MeshSettings) -> Duration:
    """How long inspectors wait for the client's first bytes; 0 is for ever."""
    config = settings.config
    return config.protocol_detection_timeout if config.HasField("protocol_detection_timeout") else Duration()
