"""Endpoints of another network are reached through its gateways, as Istio's ep_filters_test.go expects."""

from __future__ import annotations

from typing import Any

import yaml
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from miniistiod.config import of_text
from miniistiod.generate.endpoints import endpoints
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.parity import nodes

CART = "outbound|80||cart.shop.svc.cluster.local"
NETWORK = "topology.istio.io/network"


def pod(name: str, address: str, network: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": "cart", NETWORK: network, **labels}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"podIP": address}}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"clusterIP": "10.96.0.1", "selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80}]},
}
MESH = {"security.istio.io/tlsMode": "istio"}
PODS = [
    pod("here", "10.1.0.1", "n1", **MESH),
    pod("there-1", "10.2.0.1", "n2", **MESH),
    pod("there-2", "10.2.0.2", "n2", **MESH),
    pod("plain", "10.2.0.3", "n2"),
]


def mesh_networks(*gateways: str) -> dict[str, Any]:
    networks = {"n2": {"gateways": [{"address": a, "port": 15443} for a in gateways]}}
    data = {"mesh": "{}", "meshNetworks": yaml.safe_dump({"networks": networks})}
    metadata = {"name": "istio", "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def reached(network: str, *documents: dict[str, Any]) -> list[tuple[str, int]]:
    """(address, weight) of each endpoint that a client in this network is sent."""
    mesh = snapshot(of_text(yaml.safe_dump_all([SERVICE, *PODS, *documents], sort_keys=False), "test.yaml"))
    annotations = {"proxy": "sidecar", "node-metadata": f'{{"NETWORK": "{network}"}}'}
    client = {
        "metadata": {"name": "client", "namespace": "shop", "annotations": annotations},
        "spec": {},
        "status": {"podIP": "10.9.0.1"},
    }
    scope = ProxyScope(proxy(nodes.node(client, False)), mesh)
    found = {name: resource for part in endpoints(scope) for name, resource in part.items()}
    made = ClusterLoadAssignment.FromString(found[CART].body)
    sent = [endpoint for place in made.endpoints for endpoint in place.lb_endpoints]
    return sorted((e.endpoint.address.socket_address.address, e.load_balancing_weight.value) for e in sent)


def test_one_network_is_reached_directly() -> None:
    assert [address for address, _ in reached("n1")] == ["10.1.0.1", "10.2.0.1", "10.2.0.2", "10.2.0.3"]


def test_a_gateway_stands_for_what_speaks_mutual_tls_behind_it() -> None:
    assert reached("n1", mesh_networks("172.16.0.1")) == [("10.1.0.1", 1), ("172.16.0.1", 2)]


def test_weights_are_divided_among_gateways() -> None:
    found = reached("n1", mesh_networks("172.16.0.1", "172.16.0.2"))
    assert found == [("10.1.0.1", 2), ("172.16.0.1", 2), ("172.16.0.2", 2)]


def test_inside_its_own_network_a_client_needs_no_gateway() -> None:
    found = reached("n2", mesh_networks("172.16.0.1"))
    assert found == [("10.1.0.1", 1), ("10.2.0.1", 1), ("10.2.0.2", 1), ("10.2.0.3", 1)]


def test_a_client_without_a_network_goes_through_gateways() -> None:
    assert reached("", mesh_networks("172.16.0.1")) == [("10.1.0.1", 1), ("172.16.0.1", 2)]


def test_gateways_of_another_address_family_are_no_way() -> None:
    assert reached("n1", mesh_networks("2001:db8::1")) == [("10.1.0.1", 1)]


def test_a_labelled_service_is_a_gateway() -> None:
    gateway = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "east-west", "namespace": "istio-system", "labels": {NETWORK: "n2"}},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": [{"name": "tls", "port": 15443}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "172.16.0.7"}]}},
    }
    assert reached("n1", gateway) == [("10.1.0.1", 1), ("172.16.0.7", 2)]
