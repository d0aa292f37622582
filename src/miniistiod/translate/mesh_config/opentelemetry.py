"""extensionProviders[].opentelemetry → Envoy's OpenTelemetry tracer."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.base_pb2 import HeaderValue
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.http_service_pb2 import HttpService
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig
from envoy.extensions.tracers.opentelemetry.resource_detectors.v3.dynatrace_resource_detector_pb2 import (
    DynatraceResourceDetectorConfig,
)
from envoy.extensions.tracers.opentelemetry.resource_detectors.v3.environment_resource_detector_pb2 import (
    EnvironmentResourceDetectorConfig,
)
from envoy.extensions.tracers.opentelemetry.samplers.v3.dynatrace_sampler_pb2 import DynatraceSamplerConfig

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.collector import Collector, grpc_service
from miniistiod.translate.mesh_config.zipkin import HttpHeader, added_headers
from miniistiod.vocab.packing import packed

OpenTelemetry = MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider
MeshHttpService = MeshConfig.ExtensionProvider.HttpService

_ENVIRONMENT = TypedExtensionConfig(
    name="envoy.tracers.opentelemetry.resource_detectors.environment",
    typed_config=packed(EnvironmentResourceDetectorConfig()),
)
_DYNATRACE = TypedExtensionConfig(
    name="envoy.tracers.opentelemetry.resource_detectors.dynatrace",
    typed_config=packed(DynatraceResourceDetectorConfig()),
)


def opentelemetry(
    provider: OpenTelemetry, collector: Collector, service_name: str, sampler: Collector | None = None
) -> OpenTelemetryConfig | None:
    """None when a Dynatrace sampler is asked for but nobody says where it is.

    `sampler` is where provider.dynatraceSampler.httpService is.
    """
    made = OpenTelemetryConfig(service_name=service_name, resource_detectors=_detectors(provider))
    if provider.HasField("http"):
        made.http_service.CopyFrom(_http_service(provider.http, collector))
    else:
        made.grpc_service.CopyFrom(_grpc_service(provider, collector))
    if not samples(provider):
        return made
    dynatrace = _dynatrace(provider, collector, sampler)
    if dynatrace is None:
        return None
    made.sampler.CopyFrom(
        TypedExtensionConfig(
            name="envoy.tracers.opentelemetry.samplers.dynatrace", typed_config=packed(dynatrace)
        )
    )
    return made


def samples(provider: OpenTelemetry) -> bool:
    """Whether a sampler of its own decides, so that every span has to reach it."""
    return provider.HasField("dynatrace_sampler")


def conventional(provider: OpenTelemetry) -> bool:
    """Whether the service's name follows OpenTelemetry's conventions for Kubernetes."""
    wanted = MeshConfig.ExtensionProvider.ServiceAttributeEnrichment.OTEL_SEMANTIC_CONVENTIONS
    return provider.service_attribute_enrichment == wanted


def _detectors(provider: OpenTelemetry) -> list[TypedExtensionConfig]:
    asked = provider.resource_detectors
    first = [_ENVIRONMENT] if asked.HasField("environment") else []
    second = [_DYNATRACE] if asked.HasField("dynatrace") else []
    implied = [_ENVIRONMENT] if conventional(provider) and not first else []
    return first + second + implied


def _grpc_service(provider: OpenTelemetry, collector: Collector) -> GrpcService:
    made = grpc_service(collector, provider.grpc.timeout if provider.grpc.HasField("timeout") else None)
    made.initial_metadata.extend(_metadata(provider.grpc.initial_metadata))
    return made


def _metadata(headers: Iterable[HttpHeader]) -> list[HeaderValue]:
    return [HeaderValue(key=header.name, value=header.value) for header in headers]


def _http_service(http: MeshHttpService, collector: Collector, path: str | None = None) -> HttpService:
    uri = HttpUri(
        uri=joined(collector.host, http.path if path is None else path),
        cluster=collector.cluster,
        timeout=http.timeout if http.HasField("timeout") else None,
    )
    return HttpService(http_uri=uri, request_headers_to_add=added_headers(http.headers))


def joined(host: str, path: str) -> str:
    """Host and path with exactly one slash between them."""
    return f"{host}/{path.lstrip('/')}" if path else host


def _dynatrace(
    provider: OpenTelemetry, collector: Collector, sampler: Collector | None
) -> DynatraceSamplerConfig | None:
    asked = provider.dynatrace_sampler
    if asked.HasField("http_service"):
        if sampler is None:
            return None
        service = _http_service(asked.http_service.http, sampler)
    elif provider.HasField("http"):
        service = _http_service(provider.http, collector, "api/v2/samplingConfiguration")
    else:
        return None
    return DynatraceSamplerConfig(
        tenant=asked.tenant,
        cluster_id=asked.cluster_id,
        root_spans_per_minute=asked.root_spans_per_minute,
        http_service=service,
    )
