"""ProxyConfig.tracing → the tracer that Envoy has by its bootstrap, and the cluster it sends spans to.

It counts where a listener traces without a provider of its own: no Telemetry and no default provider of the
mesh names one. Source: the bootstrap of Istio's agent, for Zipkin and Datadog.
"""

from __future__ import annotations

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.trace.v3 import datadog_pb2, http_tracer_pb2, zipkin_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.proxy_pb2 import Tracing
from miniistiod.proxy.bootstrap_statics import assignment
from miniistiod.vocab.packing import packed

ZIPKIN, DATADOG = "zipkin", "datadog_agent"
_REFRESH = Duration(seconds=30)


def tracing_cluster(tracing: Tracing) -> cluster_pb2.Cluster | None:
    """The cluster of the collector; None without a collector, or with one whose address is none."""
    which, address = _collector(tracing)
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return None
    return cluster_pb2.Cluster(
        name=which,
        alt_stat_name=f"{which};",
        type=cluster_pb2.Cluster.STRICT_DNS,
        respect_dns_ttl=True,
        dns_lookup_family=cluster_pb2.Cluster.V4_ONLY,
        dns_refresh_rate=_REFRESH if which == ZIPKIN else None,
        connect_timeout=Duration(seconds=1),
        lb_policy=cluster_pb2.Cluster.ROUND_ROBIN,
        load_assignment=assignment(which, host.strip("[]"), int(port)),
    )


def tracer(tracing: Tracing, service: str) -> http_tracer_pb2.Tracing | None:
    """The tracer for that cluster; `service` is what Datadog calls the proxy."""
    if tracing_cluster(tracing) is None:
        return None
    which, _ = _collector(tracing)
    made: Message = (
        zipkin_pb2.ZipkinConfig(
            collector_cluster=ZIPKIN,
            collector_endpoint="/api/v2/spans",
            collector_endpoint_version=zipkin_pb2.ZipkinConfig.HTTP_JSON,
            trace_id_128bit=True,
            shared_span_context=BoolValue(value=False),
        )
        if which == ZIPKIN
        else datadog_pb2.DatadogConfig(collector_cluster=DATADOG, service_name=service)
    )
    name = f"envoy.tracers.{'zipkin' if which == ZIPKIN else 'datadog'}"
    http = http_tracer_pb2.Tracing.Http(name=name, typed_config=packed(made))
    return http_tracer_pb2.Tracing(http=http)


def _collector(tracing: Tracing) -> tuple[str, str]:
    """The name of the cluster and the address of the collector."""
    which = tracing.WhichOneof("tracer")
    if which == "zipkin":
        return ZIPKIN, tracing.zipkin.address
    return (DATADOG, tracing.datadog.address) if which == "datadog" else ("", "")
