"""Clusters and endpoints are made once: shared by proxies, and kept over changes that do not concern them."""

from __future__ import annotations

from typing import Any

import yaml

from miniistiod.config import Store, loaded
from miniistiod.generate.clusters import clusters
from miniistiod.generate.endpoints import endpoints
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import Proxy, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part
from tests.parity import nodes

CART = "outbound|80||cart.shop.svc.cluster.local"
ORDERS = "outbound|80||orders.shop.svc.cluster.local"


def service(name: str, address: str) -> dict[str, Any]:
    spec = {"clusterIP": address, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def endpoint_slice(name: str, *addresses: str) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "namespace": "shop", "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [each]} for each in addresses],
    }


def rule(name: str, policy: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"host": name, "trafficPolicy": policy, **more},
    }


def text(*documents: dict[str, Any]) -> str:
    return yaml.safe_dump_all(documents)


STORE = loaded(
    {
        "services.yaml": text(service("cart", "10.96.0.1"), service("orders", "10.96.0.2")),
        "cart.yaml": text(endpoint_slice("cart", "10.1.0.1")),
        "orders.yaml": text(endpoint_slice("orders", "10.1.0.2")),
        "rules.yaml": text(rule("cart", {"loadBalancer": {"simple": "RANDOM"}})),
    }
)


def sidecar(name: str, address: str, locality: str = "", **labels: str) -> Proxy:
    place = {"topology.istio.io/locality": locality} if locality else {}
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {"app": name, **labels, **place},
        "annotations": {"proxy": "sidecar"},
    }
    return proxy(nodes.node({"metadata": metadata, "spec": {}, "status": {"podIP": address}}, False))


WEB, BATCH = sidecar("web", "10.2.0.1"), sidecar("batch", "10.2.0.2")


def both(store: Store, of: Proxy) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The parts of clusters and of endpoints."""
    scope = ProxyScope(of, snapshot(store))
    return clusters(scope), endpoints(scope)


def named(parts: tuple[Part, ...]) -> dict[str, Any]:
    return {name: resource for part in parts for name, resource in part.items()}


def shared(parts: tuple[Part, ...], others: tuple[Part, ...]) -> list[bool]:
    return [a is b for a, b in zip(parts, others, strict=True)]


def test_proxies_of_one_make_share_their_parts() -> None:
    (web, web_endpoints), (batch, batch_endpoints) = both(STORE, WEB), both(STORE, BATCH)
    assert all(shared(web, batch))
    assert all(shared(web_endpoints, batch_endpoints))


def test_a_new_endpoint_makes_one_assignment_and_no_cluster() -> None:
    before, assigned = both(STORE, WEB)
    changed = STORE.with_file("cart.yaml", text(endpoint_slice("cart", "10.1.0.1", "10.1.0.9")))
    after, assigned_now = both(changed, WEB)
    assert all(shared(before, after))
    old, new = named(assigned), named(assigned_now)
    assert {name for name in new if new[name] is not old[name]} == {CART}


def test_a_rule_makes_the_clusters_of_its_service() -> None:
    before, assigned = both(STORE, WEB)
    policy = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    after, assigned_now = both(STORE.with_file("rules.yaml", text(rule("cart", policy))), WEB)
    old, new = named(before), named(after)
    assert {name for name in new if new[name] is not old[name]} == {CART}
    assert named(assigned_now)[ORDERS] is named(assigned)[ORDERS]


def test_a_rule_for_some_clients_is_theirs_alone() -> None:
    policy = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    selector = {"workloadSelector": {"matchLabels": {"app": "batch"}}}
    store = STORE.with_file("selected.yaml", text(rule("orders", policy, **selector)))
    web, batch = named(both(store, WEB)[0]), named(both(store, BATCH)[0])
    assert web[ORDERS] is not batch[ORDERS]
    assert web[CART] is batch[CART]


def test_only_where_places_count_do_clients_differ() -> None:
    policy = {"outlierDetection": {"consecutive5xxErrors": 3}}
    store = STORE.with_file("rules.yaml", text(rule("cart", policy)))
    here, there = sidecar("a", "10.2.1.1", "r1/z1"), sidecar("b", "10.2.1.2", "r2/z2")
    near, far = both(store, here), both(store, there)
    assert all(shared(near[0], far[0]))
    assert named(near[1])[ORDERS] is named(far[1])[ORDERS]
    assert named(near[1])[CART] is not named(far[1])[CART]


def test_a_stock_envoy_gets_the_same_without_what_only_istios_has() -> None:
    pod = {
        "metadata": {"name": "s", "namespace": "shop", "annotations": {"proxy": "sidecar"}},
        "spec": {},
        "status": {"podIP": "10.2.0.3"},
    }
    stock = named(both(STORE, proxy(nodes.node(pod, True)))[0])
    full = named(both(STORE, WEB)[0])
    assert stock.keys() == full.keys()
    assert b"istio.metadata_exchange" in full[CART].body
    assert b"istio.metadata_exchange" not in b"".join(resource.body for resource in stock.values())


def test_namespaces_that_see_the_same_share_their_parts() -> None:
    pod = {
        "metadata": {"name": "far", "namespace": "billing", "annotations": {"proxy": "sidecar"}},
        "spec": {},
        "status": {"podIP": "10.2.0.4"},
    }
    (web, web_endpoints), (far, far_endpoints) = both(STORE, WEB), both(STORE, proxy(nodes.node(pod, False)))
    assert web[0] is far[0]
    assert all(shared(web_endpoints, far_endpoints))
