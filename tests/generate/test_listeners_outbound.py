"""Which outbound listeners and chains a sidecar has when claims on a port meet. Expectations follow the rules
of Istio's listener_test.go: detection where HTTP and TCP meet, the first of equal chains, headless Pods."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from miniistiod.config import of_text
from miniistiod.generate.listeners import listeners
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.parity import nodes

NETWORKING = "networking.istio.io/v1"
Document = dict[str, Any]


def document(kind: str, name: str, spec: Document, api: str = NETWORKING) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def service(name: str, address: str, protocol: str, port: int = 80) -> Document:
    """Protocol "" has it detected."""
    declared = {"name": f"{protocol}-p" if protocol else "p", "port": port}
    return document(
        "Service", name, {"clusterIP": address, "ports": [declared], "selector": {"app": name}}, "v1"
    )


def entry(name: str, protocol: str, **more: Any) -> Document:
    """A ServiceEntry without an address: it listens on all of them."""
    spec = {"hosts": [f"{name}.example.com"], "ports": [{"number": 80, "name": "p", "protocol": protocol}]}
    return document("ServiceEntry", name, {**spec, "resolution": "NONE", **more})


def found(
    *documents: Document, stock: bool = False, app: str = "client", kind: str = "sidecar", **metadata: Any
) -> dict[str, Listener]:
    """The listeners of the proxy of this app in namespace shop."""
    mesh = snapshot(of_text(yaml.safe_dump_all(documents), "test.yaml"))
    annotations = {"proxy": kind, **({"node-metadata": json.dumps(metadata)} if metadata else {})}
    pod = {
        "metadata": {
            "name": f"{app}-1",
            "namespace": "shop",
            "labels": {"app": app},
            "annotations": annotations,
        },
        "status": {"podIP": "10.1.0.9"},
    }
    scope = ProxyScope(proxy(nodes.node(pod, stock)), mesh)
    resources = (resource for part in listeners(scope) for resource in part.values())
    return {resource.name: Listener.FromString(resource.body) for resource in resources}


def leads_to(chain: FilterChain) -> str:
    """http:TABLE or the cluster of a chain."""
    config = chain.filters[-1].typed_config
    if config.Is(HttpConnectionManager.DESCRIPTOR):
        return f"http:{HttpConnectionManager.FromString(config.value).rds.route_config_name}"
    return str(TcpProxy.FromString(config.value).cluster)


def outline(listener: Listener) -> tuple[list[str], str]:
    """Where the chains lead, and where what no chain takes goes."""
    default = listener.default_filter_chain
    return [leads_to(c) for c in listener.filter_chains], leads_to(default) if default.filters else ""


def inspectors(listener: Listener) -> list[str]:
    return [each.name.rpartition(".")[2] for each in listener.listener_filters]


def test_http_services_share_one_listener_of_a_port() -> None:
    listener = found(service("a", "10.96.0.1", "http"), service("b", "10.96.0.2", "http"))["0.0.0.0_80"]
    assert outline(listener) == (["http:80"], "PassthroughCluster")
    assert inspectors(listener) == ["http_inspector"]


def test_http_and_tcp_on_all_addresses_are_told_apart_by_detection() -> None:
    listener = found(entry("a", "HTTP"), entry("b", "TCP"))["0.0.0.0_80"]
    assert outline(listener) == (["http:80"], "outbound|80||b.example.com")
    assert inspectors(listener) == ["http_inspector"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_two_tcp_services_on_all_addresses_the_first_has_the_port(order: tuple[str, str]) -> None:
    documents = [entry(name, "TCP") for name in order]
    for document_, second in zip(documents, (10, 20), strict=True):
        document_["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{second}Z"
    listener = found(*documents)["0.0.0.0_80"]
    assert outline(listener) == ([f"outbound|80||{order[0]}.example.com"], "")


@pytest.mark.parametrize("other", ["HTTP", "TCP"])
def test_server_first_protocols_share_a_port_with_no_other(other: str) -> None:
    first, second = entry("a", "MySQL"), entry("b", other)
    first["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    second["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    listener = found(first, second)["0.0.0.0_80"]
    assert outline(listener) == (["outbound|80||a.example.com"], "")
    assert inspectors(listener) == []


def test_a_detected_protocol_has_a_table_of_its_own() -> None:
    listener = found(service("a", "10.96.0.1", ""))["10.96.0.1_80"]
    host = "a.shop.svc.cluster.local"
    assert outline(listener) == ([f"http:{host}:80"], f"outbound|80||{host}")


def test_tls_on_all_addresses_is_told_apart_by_name() -> None:
    listener = found(entry("a", "TLS"), entry("b", "TLS"))["0.0.0.0_80"]
    names = [list(chain.filter_chain_match.server_names) for chain in listener.filter_chains]
    assert names == [["a.example.com"], ["b.example.com"]]
    assert inspectors(listener) == ["tls_inspector"]


def test_a_range_of_addresses_is_a_match() -> None:
    listener = found(entry("a", "TCP", addresses=["10.9.0.0/16"]))["0.0.0.0_80"]
    (chain,) = listener.filter_chains
    prefix = chain.filter_chain_match.prefix_ranges[0]
    assert (prefix.address_prefix, prefix.prefix_len.value) == ("10.9.0.0", 16)


def headless(*addresses: str, protocol: str = "tcp") -> list[Document]:
    slice_ = document("EndpointSlice", "h-1", {}, "discovery.k8s.io/v1")
    del slice_["spec"]
    slice_["metadata"]["labels"] = {"kubernetes.io/service-name": "h"}
    slice_ |= {
        "addressType": "IPv4",
        "endpoints": [{"addresses": [a]} for a in addresses],
        "ports": [{"name": f"{protocol}-p", "port": 80}],
    }
    return [service("h", "None", protocol), slice_]


def test_each_pod_of_a_headless_tcp_service_has_a_listener_but_the_proxy_itself() -> None:
    names = found(*headless("10.1.0.7", "10.1.0.8", "10.1.0.9")).keys()
    assert {n for n in names if n.endswith("_80")} == {"10.1.0.7_80", "10.1.0.8_80"}


def test_a_headless_http_service_is_on_all_addresses() -> None:
    assert "0.0.0.0_80" in found(*headless("10.1.0.7", protocol="http"))


def test_without_redirection_listeners_open_their_ports_on_localhost() -> None:
    listeners_ = found(service("a", "10.96.0.1", "http", 8080), INTERCEPTION_MODE="NONE")
    assert set(listeners_) == {"127.0.0.1_8080"}
    assert not listeners_["127.0.0.1_8080"].HasField("bind_to_port")


def test_the_proxys_own_ports_are_left_alone() -> None:
    names = found(service("a", "10.96.0.1", "http", 15021), service("b", "10.96.0.2", "tcp", 15001)).keys()
    assert "0.0.0.0_15021" not in names
    assert "10.96.0.2_15001" in names


def test_proxies_that_differ_in_nothing_tcp_share_their_tcp_listeners() -> None:
    mesh = snapshot(of_text(yaml.safe_dump_all([service("a", "10.96.0.1", "tcp")]), "test.yaml"))

    def of(name: str, address: str) -> Any:
        pod = {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "labels": {"service.istio.io/canonical-name": name},
                "annotations": {"proxy": "sidecar"},
            },
            "status": {"podIP": address},
        }
        return listeners(ProxyScope(proxy(nodes.node(pod, False)), mesh))[0]

    assert of("x", "10.1.0.1") is of("y", "10.1.0.2")


def test_only_a_stock_envoy_tells_its_peer_by_filter_state_that_detected_http_follows() -> None:
    def names(stock: bool, protocol: str) -> list[str]:
        (listener,) = (
            v for k, v in found(service("a", "10.96.0.1", protocol), stock=stock).items() if k.endswith("_80")
        )
        manager = HttpConnectionManager.FromString(listener.filter_chains[0].filters[0].typed_config.value)
        return [each.name for each in manager.http_filters]

    assert "envoy.filters.http.set_filter_state" in names(stock=True, protocol="")
    assert "envoy.filters.http.set_filter_state" not in names(stock=True, protocol="http")
    assert "istio.alpn" in names(stock=False, protocol="")
    assert not [n for n in names(stock=True, protocol="http") if n.startswith("istio.")]
