"""The tracer that an Envoy has by its bootstrap, as by that of Istio's agent; what spans call the proxy."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig, Tracing
from miniistiod.lab.sidecar import envoy_command
from miniistiod.proxy.bootstrap import Workload, as_json, bootstrap
from miniistiod.proxy.bootstrap_statics import Discovery
from miniistiod.proxy.bootstrap_tracing import tracer, tracing_cluster
from miniistiod.proxy.node_cluster import node_cluster

ZIPKIN = {"zipkin": {"address": "zipkin.obs:9411"}}
DATADOG = {"datadog": {"address": "10.0.0.9:8126"}}
HERE = Discovery("127.0.0.1", 1)


def tracing(given: dict[str, Any]) -> Tracing:
    return ParseDict(given, Tracing())


def http(given: dict[str, Any]) -> Any:
    """The tracer as JSON."""
    made = tracer(tracing(given), "web.shop")
    assert made is not None
    return MessageToDict(made, preserving_proto_field_name=True)["http"]


def test_zipkin() -> None:
    assert http(ZIPKIN) == {
        "name": "envoy.tracers.zipkin",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
            "collector_cluster": "zipkin",
            "collector_endpoint": "/api/v2/spans",
            "collector_endpoint_version": "HTTP_JSON",
            "trace_id_128bit": True,
            "shared_span_context": False,
        },
    }


def test_datadog() -> None:
    assert http(DATADOG) == {
        "name": "envoy.tracers.datadog",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.DatadogConfig",
            "collector_cluster": "datadog_agent",
            "service_name": "web.shop",
        },
    }


@pytest.mark.parametrize(
    ("given", "name", "address", "port"),
    [(ZIPKIN, "zipkin", "zipkin.obs", 9411), (DATADOG, "datadog_agent", "10.0.0.9", 8126)],
)
def test_the_cluster_of_the_collector(given: dict[str, Any], name: str, address: str, port: int) -> None:
    made = tracing_cluster(tracing(given))
    assert made is not None
    place = made.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address
    assert (made.name, place.address, place.port_value) == (name, address, port)


@pytest.mark.parametrize("given", [{}, {"zipkin": {"address": "no-port"}}, {"lightstep": {"address": "a:1"}}])
def test_without_a_collector_there_is_no_tracer(given: dict[str, Any]) -> None:
    assert tracing_cluster(tracing(given)) is None
    assert tracer(tracing(given), "web.shop") is None


LABELS = {"app": "web", "app.kubernetes.io/name": "shop-web", "service.istio.io/canonical-name": "front"}


@pytest.mark.parametrize(
    ("given", "labels", "expected"),
    [
        # Istio's agent: serviceClusterOrDefault and the canonical names
        ({}, LABELS, "web.shop"),
        ({}, {"app.kubernetes.io/name": "shop-web"}, "shop-web.shop"),
        ({}, {}, "web-v1.shop"),
        ({"serviceCluster": "istio-proxy"}, LABELS, "web.shop"),
        ({"serviceCluster": "mine"}, LABELS, "mine"),
        ({"tracingServiceName": "APP_LABEL_AND_NAMESPACE"}, LABELS, "web.shop"),
        ({"tracingServiceName": "CANONICAL_NAME_ONLY"}, LABELS, "front"),
        ({"tracingServiceName": "CANONICAL_NAME_AND_NAMESPACE"}, LABELS, "front.shop"),
        ({"tracingServiceName": "CANONICAL_NAME_ONLY"}, {"app": "web"}, "web"),
        ({"tracingServiceName": "CANONICAL_NAME_ONLY"}, {}, "web-v1"),
    ],
)
def test_what_spans_call_the_proxy(given: dict[str, Any], labels: dict[str, str], expected: str) -> None:
    assert node_cluster(ParseDict(given, ProxyConfig()), labels, "web-v1", "shop") == expected


@pytest.mark.parametrize("given", [ZIPKIN, DATADOG])
def test_envoy_accepts_it(given: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    made = bootstrap(Workload("web", "shop", "10.0.0.1"), HERE, proxy_config={"tracing": given})
    path.write_text(as_json(made))
    command = [*envoy_command(path), "--mode", "validate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
