"""ProxyConfig.connectionSettings → limits and timeouts of a connection manager.

The EDGE profile fills in, for gateways only, what Envoy advises for a proxy at the edge.
"""

from __future__ import annotations

from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions, HttpProtocolOptions
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, Int32Value, UInt32Value

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig

Settings = ProxyConfig.ConnectionSettings
_Slashes = Settings.PathWithEscapedSlashesAction
_Underscores = Settings.HeadersWithUnderscoresAction
_EnvoyUnderscores = HttpProtocolOptions.HeadersWithUnderscoresAction

_EDGE = Settings(
    listener_per_connection_buffer_limit_bytes=Int32Value(value=32768),
    http_idle_timeout=Duration(seconds=3600),
    http_stream_idle_timeout=Duration(seconds=300),
    http_request_timeout=Duration(seconds=300),
    http_request_headers_timeout=Duration(seconds=60),
    http_max_concurrent_streams=Int32Value(value=100),
    http2_initial_stream_window_size=Int32Value(value=65536),
    http2_initial_connection_window_size=Int32Value(value=1048576),
    http_headers_with_underscores_action=_Underscores.HEADERS_WITH_UNDERSCORES_REJECT_REQUEST,
    http_merge_slashes=BoolValue(value=True),
    http_path_with_escaped_slashes_action=_Slashes.UNESCAPE_AND_REDIRECT,
)

_COMMON = {
    "http_idle_timeout": "idle_timeout",
    "http_max_connection_duration": "max_connection_duration",
    "http_max_stream_duration": "max_stream_duration",
}
_TIMEOUTS = {
    "http_stream_idle_timeout": "stream_idle_timeout",
    "http_request_timeout": "request_timeout",
    "http_request_headers_timeout": "request_headers_timeout",
    "http_drain_timeout": "drain_timeout",
}
_HTTP2 = {
    "http_max_concurrent_streams": "max_concurrent_streams",
    "http2_initial_stream_window_size": "initial_stream_window_size",
    "http2_initial_connection_window_size": "initial_connection_window_size",
}
_ESCAPED = {
    _Slashes.REJECT_REQUEST: Hcm.PathWithEscapedSlashesAction.REJECT_REQUEST,
    _Slashes.UNESCAPE_AND_REDIRECT: Hcm.PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
    _Slashes.UNESCAPE_AND_FORWARD: Hcm.PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD,
    _Slashes.KEEP_UNCHANGED: Hcm.PathWithEscapedSlashesAction.KEEP_UNCHANGED,
}
_UNDERSCORES = {
    _Underscores.HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: _EnvoyUnderscores.REJECT_REQUEST,
    _Underscores.HEADERS_WITH_UNDERSCORES_DROP_HEADER: _EnvoyUnderscores.DROP_HEADER,
    _Underscores.HEADERS_WITH_UNDERSCORES_ALLOW: _EnvoyUnderscores.ALLOW,
}


def connection_settings(settings: Settings, *, gateway: bool) -> Settings:
    """The settings with the profile's values where the user gave none."""
    if not gateway or settings.profile != Settings.Profile.EDGE:
        return settings
    made = Settings()
    made.CopyFrom(_EDGE)
    for field, value in settings.ListFields():
        if field.message_type is not None:
            getattr(made, field.name).CopyFrom(value)
        else:
            setattr(made, field.name, value)
    return made


def connection_limits(settings: Settings) -> Hcm:
    """Only the fields that the settings decide; the connection manager merges them over its own."""
    made = Hcm()
    for ours, theirs in _COMMON.items():
        if settings.HasField(ours):
            getattr(made.common_http_protocol_options, theirs).CopyFrom(getattr(settings, ours))
    for ours, theirs in _TIMEOUTS.items():
        if settings.HasField(ours):
            getattr(made, theirs).CopyFrom(getattr(settings, ours))
    if any(settings.HasField(name) for name in _HTTP2):
        made.http2_protocol_options.CopyFrom(_http2(settings))
    underscores = settings.http_headers_with_underscores_action
    if underscores:
        made.common_http_protocol_options.headers_with_underscores_action = _UNDERSCORES[underscores]
    if settings.http_path_with_escaped_slashes_action:
        made.path_with_escaped_slashes_action = _ESCAPED[settings.http_path_with_escaped_slashes_action]
    return made


def unsigned(value: Int32Value) -> UInt32Value | None:
    """A negative number would become about 4 GiB; it counts as absent."""
    return UInt32Value(value=value.value) if value.value >= 0 else None


def _http2(settings: Settings) -> Http2ProtocolOptions:
    return Http2ProtocolOptions(
        **{
            theirs: unsigned(getattr(settings, ours))
            for ours, theirs in _HTTP2.items()
            if settings.HasField(ours)
        }
    )
