"""The HTTP version spoken to the upstream: by the port's protocol, h2UpgradePolicy and useClientProtocol.

Nothing said is HTTP/1.1. A port whose protocol is detected takes what the client speaks (a sidecar only: a
gateway's client may negotiate a version that the upstream does not have).
"""

from __future__ import annotations

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions, Http2ProtocolOptions
from envoy.extensions.http.header_formatters.preserve_case.v3.preserve_case_pb2 import (
    PreserveCaseFormatterConfig,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings
from miniistiod.vocab.packing import packed
from miniistiod.vocab.protocol import Protocol

HttpSettings = ConnectionPoolSettings.HTTPSettings


def upstream_protocol(
    pool: ConnectionPoolSettings | None,
    protocol: Protocol,
    *,
    detects: bool = True,
    preserves_case: bool = False,
    upgrades: bool = False,
    outbound: bool = True,
) -> HttpProtocolOptions | None:
    """Options with only the version decided, or None when nobody decides.

    `detects`: a port without a protocol follows the client. `preserves_case`: header names keep their case
    in HTTP/1. `upgrades`: the mesh speaks HTTP/2 to every HTTP port.
    """
    settings = pool.http if pool is not None else HttpSettings()
    by_port = _by_port(protocol, detects, preserves_case)
    if settings.use_client_protocol:
        return client_protocol(by_port.explicit_http_config.http_protocol_options if by_port else None)
    if by_port is None and outbound and _upgraded(settings, protocol, upgrades):
        return _http2()
    return by_port


def client_protocol(http1: Http1ProtocolOptions | None = None) -> HttpProtocolOptions:
    """The version that the client speaks."""
    both = HttpProtocolOptions.UseDownstreamHttpConfig(
        http_protocol_options=http1 or Http1ProtocolOptions(), http2_protocol_options=Http2ProtocolOptions()
    )
    return HttpProtocolOptions(use_downstream_protocol_config=both)


def http1(*, preserves_case: bool = False) -> Http1ProtocolOptions:
    """HTTP/1.1, with header names as the application wrote them if asked for."""
    if not preserves_case:
        return Http1ProtocolOptions()
    formatter = TypedExtensionConfig(name="preserve_case", typed_config=packed(PreserveCaseFormatterConfig()))
    return Http1ProtocolOptions(
        header_key_format=Http1ProtocolOptions.HeaderKeyFormat(stateful_formatter=formatter)
    )


def is_http2(options: HttpProtocolOptions | None) -> bool:
    """Whether HTTP/2 is spoken whatever the client speaks."""
    return options is not None and options.explicit_http_config.HasField("http2_protocol_options")


def _by_port(protocol: Protocol, detects: bool, preserves_case: bool) -> HttpProtocolOptions | None:
    if protocol.is_http2:
        return _http2()
    auto = protocol is Protocol.AUTO
    preserved = http1(preserves_case=True) if preserves_case and (protocol.is_http or auto) else None
    if auto and detects:
        return client_protocol(preserved)
    return _explicit_http1(preserved) if preserved is not None else None


def _explicit_http1(options: Http1ProtocolOptions) -> HttpProtocolOptions:
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http_protocol_options=options)
    return HttpProtocolOptions(explicit_http_config=explicit)


def _http2() -> HttpProtocolOptions:
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    return HttpProtocolOptions(explicit_http_config=explicit)


def _upgraded(settings: HttpSettings, protocol: Protocol, mesh: bool) -> bool:
    """A rule is believed on any port; the mesh's default counts on HTTP ports only."""
    if settings.h2_upgrade_policy == HttpSettings.UPGRADE:
        return True
    return settings.h2_upgrade_policy == HttpSettings.DEFAULT and mesh and protocol.is_http
