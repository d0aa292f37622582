"""One extensionProviders[] entry → the tracer it stands for, or None when it cannot trace."""

from __future__ import annotations

from typing import Any

from envoy.config.trace.v3.datadog_pb2 import DatadogConfig
from envoy.config.trace.v3.http_tracer_pb2 import Tracing
from envoy.config.trace.v3.skywalking_pb2 import SkyWalkingConfig
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.collector import Collector, grpc_service
from miniistiod.translate.mesh_config.opentelemetry import opentelemetry
from miniistiod.translate.mesh_config.zipkin import zipkin
from miniistiod.vocab.packing import packed

_NAMES = {
    "zipkin": "envoy.tracers.zipkin",
    "datadog": "envoy.tracers.datadog",
    "skywalking": "envoy.tracers.skywalking",
    "opentelemetry": "envoy.tracers.opentelemetry",
}


def provider_tracing(
    provider: MeshConfig.ExtensionProvider,
    collector: Collector,
    service_name: str,
    *,
    child_span: bool,
    sampler: Collector | None = None,
) -> Hcm.Tracing | None:
    """`child_span`: the proxy's own span is a child of its caller's (gateways; SkyWalking always)."""
    which = provider.WhichOneof("provider") or ""
    tracer = _tracer(provider, which, collector, service_name, sampler)
    if tracer is None:
        return None
    length = getattr(getattr(provider, which), "max_tag_length", 0)
    return Hcm.Tracing(
        provider=Tracing.Http(name=_NAMES[which], typed_config=packed(tracer)),
        spawn_upstream_span=BoolValue(value=True) if child_span or which == "skywalking" else None,
        max_path_tag_length=UInt32Value(value=length) if length else None,
    )


def _tracer(
    provider: MeshConfig.ExtensionProvider,
    which: str,
    collector: Collector,
    service_name: str,
    sampler: Collector | None,
) -> Any:
    """The tracer's own message."""
    if which == "zipkin":
        return zipkin(provider.zipkin, collector)
    if which == "opentelemetry":
        return opentelemetry(provider.opentelemetry, collector, service_name, sampler)
    if which == "datadog":
        return DatadogConfig(
            collector_cluster=collector.cluster,
            service_name=service_name,
            collector_hostname=collector.host,
        )
    if which == "skywalking":
        return SkyWalkingConfig(grpc_service=grpc_service(collector))
    return None
