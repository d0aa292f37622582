"""HttpConnectionManager: what all of one side of a proxy have in common, and how each differs.

The common part is made and serialised once. A message whose bytes are appended to another's is merged into it
(a rule of protobuf), so each manager is the common bytes and its own few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    Rds,
    RequestIDExtension,
)
from envoy.extensions.http.header_formatters.preserve_case.v3.preserve_case_pb2 import (
    PreserveCaseFormatterConfig,
)
from envoy.extensions.request_id.uuid.v3.uuid_pb2 import UuidRequestIdConfig
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig, Topology
from miniistiod.generate.extension_filters import http_phases
from miniistiod.generate.http_filters import HttpChoices, http_filters
from miniistiod.generate.observation import Observation
from miniistiod.mesh.extensions import Extensions, named_port
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.proxy_config import EffectiveProxyConfig
from miniistiod.translate.mesh_config.connection_settings import connection_limits, connection_settings
from miniistiod.translate.mesh_config.mesh_networks import internal_addresses
from miniistiod.translate.mesh_config.path_normalization import path_normalization
from miniistiod.translate.mesh_config.proxy_headers import (
    ProxyHeaders,
    cert_details,
    forwarded_cert,
    proxy_headers,
)
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import TYPE_URL, packed

NAME = "envoy.filters.network.http_connection_manager"
_TYPE = TYPE_URL + Hcm.DESCRIPTOR.full_name
_FOREVER = Duration()


@dataclass(frozen=True, slots=True)
class HttpWire:
    """What a proxy says of itself that shapes HTTP: HTTP/1.0 too, and when idle connections close."""

    http10: bool = False
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CommonSide:
    """What the connection managers of one side of many proxies depend on. `by_request_id`: the request's id
    carries whether it is traced.
    """

    choices: HttpChoices
    settings: MeshSettings
    proxy_config: EffectiveProxyConfig
    observation: Observation
    by_request_id: bool
    wire: HttpWire
    added: Extensions = ()


class HttpSide(NamedTuple):
    """Everything that the connection managers of one side of a proxy depend on: what it has in common with
    other proxies, and its tracing, which says whose spans they are.
    """

    common: CommonSide
    tracing: bytes


@dataclass(frozen=True, slots=True)
class Variant:
    """The few ways in which connection managers of one side differ, besides names and routes. `port` is the
    port as extensions name it.
    """

    http2: bool = False
    grpc_web: bool = False
    detected: bool = False
    absolute_url: bool = False
    dns_cache: str = ""
    dns_family: int = 0
    port: int = 0


def connection_manager(
    side: HttpSide, variant: Variant, stat_prefix: str, routes: str | RouteConfiguration
) -> Filter:
    """`routes` is the name of a route table that comes over ADS, or the table itself."""
    own = Hcm(stat_prefix=stat_prefix)
    if isinstance(routes, str):
        own.rds.CopyFrom(_rds(routes))
    else:
        own.route_config.CopyFrom(routes)
    variant = replace(variant, port=named_port(side.common.added, variant.port))
    value = common_bytes(side.common, variant) + side.tracing + own.SerializeToString(deterministic=True)
    return Filter(name=NAME, typed_config=Any(type_url=_TYPE, value=value))


@kept
def common_bytes(side: CommonSide, variant: Variant) -> bytes:
    """The serialised common part."""
    return common(side, variant).SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def common(side: CommonSide, variant: Variant) -> Hcm:
    """A connection manager without name, routes and tracing."""
    made = _said(side, variant)
    made.MergeFrom(_tuned(side))
    made.http_filters.extend(http_filters(_chosen(side, variant)))
    made.access_log.extend(side.observation.http_logs)
    made.request_id_extension.CopyFrom(_request_id(side.by_request_id))
    return made


def _chosen(side: CommonSide, variant: Variant) -> HttpChoices:
    of_service = DnsCacheConfig(name=variant.dns_cache, dns_lookup_family=variant.dns_family)
    caches = (of_service,) if variant.dns_cache else ()
    headers = _headers(side)
    return replace(
        side.choices,
        exchange_only_in_mesh=headers.exchange_only_in_mesh,
        grpc_web=variant.grpc_web,
        detected=variant.detected,
        dns_caches=(*caches, *side.choices.dns_caches),
        debug_headers=headers.debug_headers,
        added=http_phases(side.added, side.choices.side, variant.port) if side.added else {},
    )


def _said(side: CommonSide, variant: Variant) -> Hcm:
    """What clients and servers are told, and what is believed of what clients tell."""
    headers = _headers(side)
    gateway = side.choices.side is ListenerClass.GATEWAY
    made = Hcm(
        server_name=headers.server_name,
        server_header_transformation=headers.server_header,
        generate_request_id=headers.request_id,
        append_x_forwarded_port=headers.forwarded_port,
        proxy_100_continue=True,
        use_remote_address=BoolValue(value=gateway),
        upgrade_configs=[Hcm.UpgradeConfig(upgrade_type="websocket")],
        http_protocol_options=_http1(side, headers, variant),
        http2_protocol_options=Http2ProtocolOptions() if variant.http2 else None,
        internal_address_config=internal_addresses(side.settings.networks) if gateway else None,
    )
    if side.choices.side is ListenerClass.SIDECAR_INBOUND:
        made.forward_client_cert_details = headers.forwarded_cert
        made.set_current_client_cert_details.CopyFrom(cert_details(side.proxy_config.message.proxy_headers))
    if gateway:
        made.MergeFrom(_trusted(side.proxy_config.message.gateway_topology))
    return made


def _trusted(topology: Topology) -> Hcm:
    """How many proxies stand before a gateway, and what it passes on of a client's certificate."""
    values = Hcm.ForwardClientCertDetails
    forwarded = forwarded_cert(topology.forward_client_cert_details, values.SANITIZE_SET)
    made = Hcm(xff_num_trusted_hops=topology.num_trusted_proxies, forward_client_cert_details=forwarded)
    if forwarded in (values.APPEND_FORWARD, values.SANITIZE_SET):
        made.set_current_client_cert_details.CopyFrom(
            Hcm.SetCurrentClientCertDetails(subject=BoolValue(value=True), cert=True, dns=True, uri=True)
        )
    return made


def _http1(side: CommonSide, headers: ProxyHeaders, variant: Variant) -> Http1ProtocolOptions | None:
    """None where Envoy's own defaults hold; a gateway always states them."""
    made = Http1ProtocolOptions(accept_http_10=side.wire.http10)
    if variant.absolute_url:
        made.allow_absolute_url.value = True
    if headers.preserve_case:
        made.header_key_format.stateful_formatter.CopyFrom(
            TypedExtensionConfig(name="preserve_case", typed_config=packed(PreserveCaseFormatterConfig()))
        )
    return made if made.ByteSize() or side.choices.side is ListenerClass.GATEWAY else None


def _tuned(side: CommonSide) -> Hcm:
    """Paths, timeouts and limits: the mesh's, then those of the proxy's connectionSettings over them."""
    paths = path_normalization(side.settings.config.path_normalization)
    settings = _connection_settings(side)
    made = Hcm(
        normalize_path=BoolValue(value=paths.normalize),
        merge_slashes=paths.merge_slashes,
        path_with_escaped_slashes_action=paths.escaped_slashes,
        stream_idle_timeout=_FOREVER,
    )
    idle = idle_timeout(side.wire)
    if idle is not None and not settings.HasField("http_idle_timeout"):
        made.common_http_protocol_options.CopyFrom(HttpProtocolOptions(idle_timeout=idle))
    made.MergeFrom(connection_limits(settings))
    if settings.HasField("http_merge_slashes"):
        made.merge_slashes = settings.http_merge_slashes.value
    return made


def idle_timeout(wire: HttpWire) -> Duration | None:
    """The proxy's own idle timeout, 0 for never; None when it states none."""
    if wire.idle_seconds is None:
        return None
    made = Duration()
    made.FromNanoseconds(round(wire.idle_seconds * 1e9))
    return made


def _connection_settings(side: CommonSide) -> ProxyConfig.ConnectionSettings:
    return effective_settings(side.proxy_config, side.settings, side.choices.side is ListenerClass.GATEWAY)


def effective_settings(
    proxy_config: EffectiveProxyConfig, settings: MeshSettings, gateway: bool
) -> ProxyConfig.ConnectionSettings:
    """The proxy's own, else the mesh's; an empty ProxyConfig hides all of the mesh's but these."""
    own = proxy_config.message
    chosen = own if own.HasField("connection_settings") else settings.proxy_config
    return connection_settings(chosen.connection_settings, gateway=gateway)


def _headers(side: CommonSide) -> ProxyHeaders:
    return proxy_headers(side.proxy_config.message.proxy_headers, side.choices.side)


def _rds(name: str) -> Rds:
    return Rds(
        route_config_name=name,
        config_source=ConfigSource(
            ads=AggregatedConfigSource(), initial_fetch_timeout=_FOREVER, resource_api_version=ApiVersion.V3
        ),
    )


def _request_id(for_sampling: bool) -> RequestIDExtension:
    config = UuidRequestIdConfig(use_request_id_for_trace_sampling=BoolValue(value=for_sampling))
    return RequestIDExtension(typed_config=packed(config))
