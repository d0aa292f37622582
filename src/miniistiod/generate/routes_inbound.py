"""A port a sidecar serves → the one route inside its inbound listener: everything to the application.

There is no timeout here, the client has one; a request that never reached the application is tried again,
except for gRPC, whose streams would be.
"""

from __future__ import annotations

from envoy.config.route.v3 import route_components_pb2 as envoy
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRetry
from miniistiod.generate.route_domains import joined
from miniistiod.translate.virtual_service.match import ANY_PATH
from miniistiod.translate.virtual_service.retry import inbound_retry_policy
from miniistiod.vocab.protocol import Protocol

FOR_EVER = Duration()
GRPC = frozenset({Protocol.GRPC, Protocol.GRPC_WEB})


def inbound_route_configuration(
    cluster: str, hostname: str, port: int, protocol: Protocol, retries: HTTPRetry | None
) -> RouteConfiguration:
    """The table of one inbound chain: `port` is that of the service `hostname`, 0 where there is none.
    `retries` are the mesh's, if it has any."""
    host = envoy.VirtualHost(
        name=f"inbound|http|{port}",
        domains=["*"],
        routes=[_route(cluster, hostname, port, protocol, retries)],
    )
    return RouteConfiguration(name=cluster, virtual_hosts=[host], validate_clusters=BoolValue(value=False))


def _route(
    cluster: str, hostname: str, port: int, protocol: Protocol, retries: HTTPRetry | None
) -> envoy.Route:
    unlimited = envoy.RouteAction.MaxStreamDuration(
        max_stream_duration=FOR_EVER, grpc_timeout_header_max=FOR_EVER
    )
    action = envoy.RouteAction(
        cluster=cluster,
        timeout=FOR_EVER,
        max_stream_duration=unlimited,
        retry_policy=None if protocol in GRPC else inbound_retry_policy(retries),
    )
    operation = envoy.Decorator(operation=f"{joined(hostname, port)}/*")
    return envoy.Route(name="default", match=ANY_PATH, route=action, decorator=operation)
