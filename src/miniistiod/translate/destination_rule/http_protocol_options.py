"""Connection pool, error codes of outlier detection and names for TLS → a cluster's HttpProtocolOptions."""

from __future__ import annotations

from envoy.config.core.v3 import protocol_pb2
from envoy.config.core.v3.protocol_pb2 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    KeepaliveSettings,
    UpstreamHttpProtocolOptions,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings, OutlierDetection
from miniistiod.translate.destination_rule.outlier_detection import error_matcher
from miniistiod.translate.destination_rule.upstream_protocol import is_http2

KEY = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
"""Where a cluster has them."""


def http_protocol_options(
    pool: ConnectionPoolSettings | None,
    version: HttpProtocolOptions | None = None,
    outlier: OutlierDetection | None = None,
    names: UpstreamHttpProtocolOptions | None = None,
) -> HttpProtocolOptions | None:
    """The options, or None when Envoy's defaults do. `version` is the upstream_protocol's decision."""
    matcher = error_matcher(outlier.outlier_detection_http_error_codes) if outlier is not None else None
    connections = _connections(pool)
    if version is None and matcher is None and names is None and connections is None:
        return None
    options = HttpProtocolOptions(
        common_http_protocol_options=connections,
        upstream_http_protocol_options=names,
        outlier_detection=HttpProtocolOptions.OutlierDetection(error_matcher=matcher) if matcher else None,
    )
    options.MergeFrom(version or _http1())
    if is_http2(version) and pool is not None:
        options.explicit_http_config.http2_protocol_options.MergeFrom(_http2(pool.http))
    return options


def _connections(pool: ConnectionPoolSettings | None) -> protocol_pb2.HttpProtocolOptions | None:
    """How long and for how many requests a connection lives. Empty when only HTTP/2 options are asked for."""
    if pool is None:
        return None
    idle = _idle_timeout(pool)
    duration = pool.tcp.max_connection_duration if pool.tcp.HasField("max_connection_duration") else None
    requests = pool.http.max_requests_per_connection
    for_http2 = pool.http.max_concurrent_streams > 0 or pool.http.HasField("http2_keep_alive")
    if idle is None and duration is None and requests <= 0 and not for_http2:
        return None
    return protocol_pb2.HttpProtocolOptions(
        idle_timeout=idle,
        max_connection_duration=duration,
        max_requests_per_connection=UInt32Value(value=requests) if requests > 0 else None,
    )


def _idle_timeout(pool: ConnectionPoolSettings) -> Duration | None:
    """The one of HTTP before the one of TCP."""
    settings = next((s for s in (pool.http, pool.tcp) if s.HasField("idle_timeout")), None)
    return settings.idle_timeout if settings is not None else None


def _http2(settings: ConnectionPoolSettings.HTTPSettings) -> Http2ProtocolOptions:
    streams = settings.max_concurrent_streams
    return Http2ProtocolOptions(
        max_concurrent_streams=UInt32Value(value=streams) if streams > 0 else None,
        connection_keepalive=_keepalive(settings.http2_keep_alive)
        if settings.HasField("http2_keep_alive")
        else None,
    )


def _keepalive(settings: ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive) -> KeepaliveSettings:
    return KeepaliveSettings(
        interval=settings.interval if settings.HasField("interval") else None,
        timeout=settings.timeout if settings.HasField("timeout") else None,
    )


def _http1() -> HttpProtocolOptions:
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http_protocol_options=Http1ProtocolOptions())
    return HttpProtocolOptions(explicit_http_config=explicit)
