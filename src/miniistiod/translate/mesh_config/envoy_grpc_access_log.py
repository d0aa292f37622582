"""Providers envoyHttpAls and envoyTcpAls, and enableEnvoyAccessLogService → access logs sent by gRPC."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, AccessLogFilter
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.extensions.access_loggers.grpc.v3.als_pb2 import (
    CommonGrpcAccessLogConfig,
    HttpGrpcAccessLogConfig,
    TcpGrpcAccessLogConfig,
)

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.collector import Collector, grpc_service
from miniistiod.vocab.packing import packed

HttpAls = MeshConfig.ExtensionProvider.EnvoyHttpGrpcV3LogProvider
TcpAls = MeshConfig.ExtensionProvider.EnvoyTcpGrpcV3LogProvider

PEERS = ("upstream_peer", "downstream_peer")
"""What metadata exchange learned of both sides; a collector wants to know it."""

PEERS_OLD_AND_NEW = (
    *PEERS,
    "wasm.upstream_peer",
    "wasm.upstream_peer_id",
    "wasm.downstream_peer",
    "wasm.downstream_peer_id",
)
"""The same with the names of older proxies."""

HTTP_NAME = "envoy.access_loggers.http_grpc"
TCP_NAME = "envoy.tcp_grpc_access_log"
_BOOTSTRAP_CLUSTER = GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name="envoy_accesslog_service"))


def http_als(provider: HttpAls, collector: Collector) -> AccessLog:
    """Each request, to the provider's collector."""
    log = HttpGrpcAccessLogConfig(
        common_config=common(
            provider.log_name or "http_envoy_accesslog",
            grpc_service(collector),
            provider.filter_state_objects_to_log or PEERS,
        ),
        additional_request_headers_to_log=provider.additional_request_headers_to_log,
        additional_response_headers_to_log=provider.additional_response_headers_to_log,
        additional_response_trailers_to_log=provider.additional_response_trailers_to_log,
    )
    return AccessLog(name=HTTP_NAME, typed_config=packed(log))


def tcp_als(provider: TcpAls, collector: Collector) -> AccessLog:
    """Each connection, to the provider's collector."""
    name = provider.log_name or "tcp_envoy_accesslog"
    states = provider.filter_state_objects_to_log or PEERS
    log = TcpGrpcAccessLogConfig(common_config=common(name, grpc_service(collector), states))
    return AccessLog(name=TCP_NAME, typed_config=packed(log))


def mesh_http_als() -> AccessLog:
    """Each request, to the service named in the bootstrap (enableEnvoyAccessLogService)."""
    config = common("http_envoy_accesslog", _BOOTSTRAP_CLUSTER, PEERS_OLD_AND_NEW)
    return AccessLog(name=HTTP_NAME, typed_config=packed(HttpGrpcAccessLogConfig(common_config=config)))


def mesh_tcp_als(log_name: str = "tcp_envoy_accesslog", only: AccessLogFilter | None = None) -> AccessLog:
    """Each connection, to the service named in the bootstrap; `only` limits what is sent."""
    config = common(log_name, _BOOTSTRAP_CLUSTER, PEERS_OLD_AND_NEW)
    return AccessLog(
        name=TCP_NAME, typed_config=packed(TcpGrpcAccessLogConfig(common_config=config)), filter=only
    )


def common(log_name: str, service: GrpcService, states: Iterable[str]) -> CommonGrpcAccessLogConfig:
    """What every log sent by gRPC says."""
    return CommonGrpcAccessLogConfig(
        log_name=log_name,
        grpc_service=service,
        transport_api_version=ApiVersion.V3,
        filter_state_objects_to_log=states,
    )
