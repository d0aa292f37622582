"""extensionProviders[].envoyOtelAls → an access log in OpenTelemetry's format."""

from __future__ import annotations

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.open_telemetry.v3.logs_service_pb2 import OpenTelemetryAccessLogConfig
from google.protobuf.struct_pb2 import Struct
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config import log_format
from miniistiod.translate.mesh_config.collector import Collector, grpc_service
from miniistiod.translate.mesh_config.envoy_grpc_access_log import PEERS_OLD_AND_NEW, common
from miniistiod.vocab.packing import packed

EnvoyOtelAls = MeshConfig.ExtensionProvider.EnvoyOpenTelemetryLogProvider


def otel_als(provider: EnvoyOtelAls, collector: Collector) -> AccessLog:
    """The text is the record's body, the labels are its attributes."""
    text = provider.log_format.text or log_format.TEXT
    labels = provider.log_format.labels
    log = OpenTelemetryAccessLogConfig(
        common_config=common(
            provider.log_name or "otel_envoy_accesslog", grpc_service(collector), PEERS_OLD_AND_NEW
        ),
        disable_builtin_labels=True,
        body=AnyValue(string_value=text),
        attributes=_attributes(labels),
        formatters=log_format.formatters((text, *log_format.strings(labels))),
    )
    return AccessLog(name="envoy.access_loggers.open_telemetry", typed_config=packed(log))


def _attributes(labels: Struct) -> KeyValueList | None:
    if not labels.fields:
        return None
    return KeyValueList(
        values=[
            KeyValue(key=key, value=AnyValue(string_value=labels.fields[key].string_value))
            for key in sorted(labels.fields)
        ]
    )
