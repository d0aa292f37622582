"""Telemetry.metrics → the configuration of Istio's istio.stats filter.

The overrides come here merged (mesh/telemetry.py): one for each metric, later ones already on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.envoy.stats_pb2 import MetricConfig, PluginConfig
from miniistiod.api.istio.telemetry.telemetry_pb2 import MetricsOverrides
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import packed

TagOverride = MetricsOverrides.TagOverride

_PROMETHEUS_NAMES = {
    "REQUEST_COUNT": "requests_total",
    "REQUEST_DURATION": "request_duration_milliseconds",
    "REQUEST_SIZE": "request_bytes",
    "RESPONSE_SIZE": "response_bytes",
    "TCP_OPENED_CONNECTIONS": "tcp_connections_opened_total",
    "TCP_CLOSED_CONNECTIONS": "tcp_connections_closed_total",
    "TCP_SENT_BYTES": "tcp_sent_bytes_total",
    "TCP_RECEIVED_BYTES": "tcp_received_bytes_total",
    "GRPC_REQUEST_MESSAGES": "request_messages_total",
    "GRPC_RESPONSE_MESSAGES": "response_messages_total",
}


@dataclass(frozen=True, slots=True)
class MetricOverride:
    """What is changed about one metric: dropped, or with other tags."""

    dropped: bool = False
    tags: Mapping[str, TagOverride] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one provider on one side; `interval` is how often TCP connections are counted."""

    overrides: Mapping[str, MetricOverride] = field(default_factory=dict)
    interval: Duration | None = None


def stats_config(metrics: Metrics, side: ListenerClass) -> Any:
    """The istio.stats configuration, as bytes in an Any: stock tools do not know the message."""
    return packed(
        PluginConfig(
            disable_host_header_fallback=side is not ListenerClass.SIDECAR_OUTBOUND,
            tcp_reporting_duration=metrics.interval,
            metrics=[_metric(name, metrics.overrides[name]) for name in sorted(metrics.overrides)],
        )
    )


def _metric(name: str, override: MetricOverride) -> MetricConfig:
    removed = {tag for tag, o in override.tags.items() if o.operation == TagOverride.Operation.REMOVE}
    return MetricConfig(
        name=_PROMETHEUS_NAMES.get(name, name),
        drop=override.dropped,
        dimensions={tag: o.value for tag, o in override.tags.items() if tag not in removed},
        tags_to_remove=sorted(removed),
    )
