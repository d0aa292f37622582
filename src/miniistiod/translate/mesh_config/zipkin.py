"""extensionProviders[].zipkin → Envoy's Zipkin tracer."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.core.v3.http_service_pb2 import HttpService
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.config.trace.v3.zipkin_pb2 import ZipkinConfig
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.collector import Collector

Zipkin = MeshConfig.ExtensionProvider.ZipkinTracingProvider
HttpHeader = MeshConfig.ExtensionProvider.HttpHeader

_SPANS = "/api/v2/spans"
_TIMEOUT = Duration(seconds=5)


def zipkin(provider: Zipkin, collector: Collector) -> ZipkinConfig:
    """Spans as JSON by HTTP, with 128 bit trace ids unless the short ones are asked for."""
    uri = HttpUri(
        uri=f"http://{collector.host}{provider.path or _SPANS}",
        cluster=collector.cluster,
        timeout=provider.timeout if provider.HasField("timeout") else _TIMEOUT,
    )
    return ZipkinConfig(
        collector_service=HttpService(http_uri=uri, request_headers_to_add=added_headers(provider.headers)),
        collector_endpoint_version=ZipkinConfig.CollectorEndpointVersion.HTTP_JSON,
        trace_id_128bit=not provider.enable_64bit_trace_id,
        shared_span_context=BoolValue(value=False),
        trace_context_option=_propagation(provider),
    )


def added_headers(headers: Iterable[HttpHeader]) -> list[HeaderValueOption]:
    """Headers of the requests to a collector."""
    return [
        HeaderValueOption(
            header=HeaderValue(key=header.name, value=header.value),
            append_action=HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        )
        for header in headers
    ]


def _propagation(provider: Zipkin) -> ZipkinConfig.TraceContextOption:
    if provider.trace_context_option == Zipkin.TraceContextOption.USE_B3_WITH_W3C_PROPAGATION:
        return ZipkinConfig.TraceContextOption.USE_B3_WITH_W3C_PROPAGATION
    return ZipkinConfig.TraceContextOption.USE_B3
