"""ConnectionPoolSettings: counts that are not negative, times that are not too short.

Source: validateConnectionPool in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, Steps, at, error

HTTP_COUNTS = {
    "http1_max_pending_requests": "http1MaxPendingRequests",
    "http2_max_requests": "http2MaxRequests",
    "max_requests_per_connection": "maxRequestsPerConnection",
    "max_retries": "maxRetries",
    "max_concurrent_streams": "maxConcurrentStreams",
}
TCP_TIMES = {"connect_timeout": "connectTimeout", "max_connection_duration": "maxConnectionDuration"}
MILLISECOND = 1_000_000

Http = ConnectionPoolSettings.HTTPSettings
Tcp = ConnectionPoolSettings.TCPSettings


def connection_pool(settings: ConnectionPoolSettings, steps: Steps) -> Findings:
    """A connection pool of a DestinationRule or a Sidecar."""
    if not settings.HasField("http") and not settings.HasField("tcp"):
        yield from error(steps, "this connection pool says nothing", "add http or tcp")
    if settings.HasField("http"):
        yield from _http(settings.http, (*steps, "http"))
    if settings.HasField("tcp"):
        yield from _tcp(settings.tcp, (*steps, "tcp"))


def _http(http: Http, steps: Steps) -> Findings:
    for field, name in HTTP_COUNTS.items():
        yield from at((*steps, name), values.not_negative(getattr(http, field)))
    if http.HasField("idle_timeout"):
        yield from at((*steps, "idleTimeout"), values.duration(http.idle_timeout))
    if http.h2_upgrade_policy == Http.UPGRADE and http.use_client_protocol:
        message = "useClientProtocol beside h2UpgradePolicy: UPGRADE"
        yield from error((*steps, "useClientProtocol"), message, "keep one of them")
    if http.HasField("http2_keep_alive"):
        yield from _keep_alive(http.http2_keep_alive, (*steps, "http2KeepAlive"))


def _keep_alive(keep_alive: Http.ConnectionKeepalive, steps: Steps) -> Findings:
    for name in ("interval", "timeout"):
        if not keep_alive.HasField(name):
            yield from error(steps, f"{name} is missing", f"add {name}: 10s")
        else:
            yield from at((*steps, name), values.duration(getattr(keep_alive, name)))


def _tcp(tcp: Tcp, steps: Steps) -> Findings:
    yield from at((*steps, "maxConnections"), values.not_negative(tcp.max_connections))
    for field, name in TCP_TIMES.items():
        if tcp.HasField(field):
            yield from at((*steps, name), values.duration(getattr(tcp, field)))
    # No time at all switches the idle timeout off.
    if tcp.HasField("idle_timeout") and abs(values.nanoseconds(tcp.idle_timeout)) >= MILLISECOND:
        yield from at((*steps, "idleTimeout"), values.duration(tcp.idle_timeout))
    for name in ("time", "interval"):
        if tcp.tcp_keepalive.HasField(name):
            yield from at((*steps, "tcpKeepalive", name), values.duration(getattr(tcp.tcp_keepalive, name)))
