"""Which virtual hosts and domains a sidecar's table has. Expectations follow Istio's httproute_test.go, with
Kubernetes Services and ServiceEntries in place of its bare services."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from miniistiod.config import of_text
from miniistiod.generate.routes_sidecar import sidecar_routes
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.parity import nodes

NETWORKING = "networking.istio.io/v1"
Document = dict[str, Any]


def document(
    kind: str, name: str, spec: Document, namespace: str = "shop", api: str = NETWORKING
) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def service(
    name: str, address: str, *ports: int, namespace: str = "shop", protocol: str = "http"
) -> Document:
    """Protocol "" has it detected."""
    declared = [{"name": f"{protocol}-{p}" if protocol else f"p{p}", "port": p} for p in ports]
    spec = {"clusterIP": address, "ports": declared, "selector": {"app": name}}
    return document("Service", name, spec, namespace, "v1")


def rules(name: str, hosts: list[str], to: str = "elsewhere.example.com", **more: Any) -> Document:
    return document(
        "VirtualService", name, {"hosts": hosts, "http": [{"route": [{"destination": {"host": to}}]}], **more}
    )


def table(name: str, *documents: Document, labels: dict[str, str] | None = None) -> RouteConfiguration:
    """The table of this name for a sidecar in namespace shop."""
    mesh = snapshot(of_text(yaml.safe_dump_all(documents), "test.yaml"))
    pod = {
        "metadata": {
            "name": "client-1",
            "namespace": "shop",
            "labels": labels or {},
            "annotations": {"proxy": "sidecar"},
        },
        "status": {"podIP": "10.1.0.1"},
    }
    part = sidecar_routes(ProxyScope(proxy(nodes.node(pod)), mesh), (name,))
    return RouteConfiguration.FromString(part[name].body)


def domains(configuration: RouteConfiguration) -> dict[str, list[str]]:
    return {host.name: sorted(host.domains) for host in configuration.virtual_hosts}


def sidecar(*egress: Document, **more: Any) -> Document:
    return document("Sidecar", "default", {"egress": list(egress), **more})


CART = service("cart", "10.96.0.1", 80, 9999)
NAMES = [
    f"cart{rest}"
    for rest in ("", ".shop", ".shop.svc", ".shop.svc.cluster.local", ".shop.svc.cluster.local.")
]
PRICES = service("prices", "None", 8888)
REGISTRY_ONLY = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}


def test_a_service_is_called_by_its_names_and_its_address() -> None:
    assert domains(table("80", CART)) == {
        "allow_any": ["*"],
        "cart.shop.svc.cluster.local:80": ["10.96.0.1", *NAMES],
    }


def test_clients_elsewhere_cannot_leave_out_the_namespace() -> None:
    far = service("cart", "10.96.0.1", 80, namespace="other")
    assert domains(table("80", far))["cart.other.svc.cluster.local:80"] == [
        "10.96.0.1",
        "cart.other",
        "cart.other.svc",
        "cart.other.svc.cluster.local",
        "cart.other.svc.cluster.local.",
    ]


def test_pods_of_a_headless_service_are_called_by_names_below_it() -> None:
    found = domains(table("8888", PRICES))["prices.shop.svc.cluster.local:8888"]
    names = [name.replace("cart", "prices") for name in NAMES]
    assert found == sorted([*names, *(f"*.{name}" for name in names)])


def test_a_port_that_no_service_has_knows_no_host() -> None:
    assert domains(table("9000", CART)) == {"allow_any": ["*"]}


def test_unknown_hosts_get_a_502_when_only_the_registry_counts() -> None:
    configuration = table("80", CART, sidecar({"hosts": ["*/*"]}, **REGISTRY_ONLY))
    (blocked,) = [host for host in configuration.virtual_hosts if host.name == "block_all"]
    assert list(blocked.domains) == ["*"]
    assert blocked.routes[0].direct_response.status == 502


def test_unknown_hosts_go_to_the_egress_proxy() -> None:
    policy = {
        "mode": "ALLOW_ANY",
        "egressProxy": {"host": "out.example.com", "port": {"number": 8080}, "subset": "a"},
    }
    configuration = table("80", sidecar({"hosts": ["*/*"]}, outboundTrafficPolicy=policy))
    assert configuration.virtual_hosts[0].routes[0].route.cluster == "outbound|8080|a|out.example.com"


@pytest.mark.parametrize(
    ("name", "egress"),
    [
        (
            "unix://run/out.sock",
            {"port": {"number": 0, "protocol": "HTTP", "name": "s"}, "bind": "unix://run/out.sock"},
        ),
        ("7443", {"port": {"number": 7443, "protocol": "HTTP_PROXY", "name": "p"}}),
    ],
)
def test_one_table_for_all_ports_tells_them_apart_by_the_port(name: str, egress: Document) -> None:
    configuration = table(name, CART, PRICES, sidecar({**egress, "hosts": ["*/*"]}))
    found = domains(configuration)
    bare = ["10.96.0.1", *NAMES]
    assert found["cart.shop.svc.cluster.local:9999"] == sorted(f"{name}:9999" for name in bare)
    assert found["cart.shop.svc.cluster.local:80"] == sorted([*bare, *(f"{name}:80" for name in bare)])
    assert all(domain.endswith(":8888") for domain in found["prices.shop.svc.cluster.local:8888"])


def test_an_egress_listener_serves_only_what_it_imports() -> None:
    egress = {
        "port": {"number": 80, "protocol": "HTTP", "name": "h"},
        "hosts": ["shop/cart.shop.svc.cluster.local"],
    }
    other = service("other", "10.96.0.9", 80)
    assert sorted(domains(table("80", CART, other, sidecar(egress)))) == [
        "allow_any",
        "cart.shop.svc.cluster.local:80",
    ]


def test_a_detected_service_takes_whatever_host_is_asked() -> None:
    detected = service("maybe", "10.96.0.5", 7070, protocol="")
    configuration = table("maybe.shop.svc.cluster.local:7070", detected)
    assert domains(configuration) == {"maybe.shop.svc.cluster.local:7070": ["*"]}


def test_a_name_that_is_no_port_gives_an_empty_table() -> None:
    configuration = table("whatever", CART)
    assert configuration.name == "whatever"
    assert not configuration.virtual_hosts


def test_the_older_rules_win_a_host() -> None:
    def dated(name: str, created: str) -> Document:
        rule = rules(name, ["cart"], to=f"{name}.example.com")
        rule["metadata"]["creationTimestamp"] = created
        return rule

    configuration = table("80", CART, dated("a", "2024-01-02T00:00:00Z"), dated("b", "2024-01-01T00:00:00Z"))
    (host,) = [host for host in configuration.virtual_hosts if host.name != "allow_any"]
    assert host.routes[0].route.cluster == "outbound|80||b.example.com"


def test_a_wildcard_rules_the_services_it_covers_but_not_those_with_narrower_rules() -> None:
    other = service("other", "10.96.0.2", 80)
    configuration = table(
        "80",
        CART,
        other,
        rules("wide", ["*.shop.svc.cluster.local"]),
        rules("narrow", ["cart"], to="near"),
    )
    clusters = {host.name: host.routes[0].route.cluster for host in configuration.virtual_hosts}
    assert clusters["other.shop.svc.cluster.local:80"] == "outbound|80||elsewhere.example.com"
    assert clusters["cart.shop.svc.cluster.local:80"] == "outbound|80||near.shop.svc.cluster.local"


def test_hosts_that_no_service_has_are_served_at_port_80() -> None:
    rule = rules("web", ["www.example.com"])
    assert domains(table("80", rule))["www.example.com:80"] == ["www.example.com"]
    assert "www.example.com:9999" not in domains(table("9999", CART, rule))


def test_such_a_host_beside_a_service_is_served_at_the_services_ports() -> None:
    rule = rules("web", ["www.example.com", "cart"])
    found = domains(table("9999", CART, rule))
    assert found["www.example.com:9999"] == ["www.example.com"]
    assert "cart.shop.svc.cluster.local:9999" in found


def test_rules_for_others_leave_the_default_route() -> None:
    rule = rules("cart", ["cart"])
    rule["spec"]["http"][0]["match"] = [{"sourceLabels": {"app": "web"}}]
    name = "cart.shop.svc.cluster.local:80"

    def cluster(labels: dict[str, str]) -> str:
        (host,) = [host for host in table("80", CART, rule, labels=labels).virtual_hosts if host.name == name]
        return str(host.routes[0].route.cluster)

    assert cluster({"app": "web"}) == "outbound|80||elsewhere.example.com"
    assert cluster({"app": "other"}) == "outbound|80||cart.shop.svc.cluster.local"


def test_a_domain_belongs_to_who_takes_it_first() -> None:
    twin = service("twin", "10.96.0.1", 80)
    owners = [name for name, taken in domains(table("80", CART, twin)).items() if "10.96.0.1" in taken]
    assert len(owners) == 1


def test_rules_behind_one_that_takes_everything_are_left_out() -> None:
    to = [{"destination": {"host": "cart"}}]
    rule = rules("cart", ["cart"])
    rule["spec"]["http"] = [
        {
            "name": "a",
            "match": [{"uri": {"prefix": "/a"}}, {"uri": {"regex": ".*"}}, {"uri": {"prefix": "/b"}}],
            "route": to,
        },
        {"name": "c", "route": to},
    ]
    (host,) = [host for host in table("80", CART, rule).virtual_hosts if host.name != "allow_any"]
    assert [(route.name, route.match.WhichOneof("path_specifier")) for route in host.routes] == [
        ("a", "prefix"),
        ("a", "safe_regex"),
    ]
