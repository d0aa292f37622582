"""What a gateway's tables hold: hosts that server and VirtualService share, merging, redirects. As in Istio's
gateway_test.go and the notes on the reference."""

from __future__ import annotations

from typing import Any

import yaml
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from miniistiod.config import of_text
from miniistiod.generate.routes_gateway import gateway_routes
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Resource
from tests.generate.test_routes_sidecar import Document, document, service
from tests.parity import nodes

EDGE = "istio-system"
CART = service("cart", "10.96.0.1", 80)


def server(*hosts: str, port: int = 80, protocol: str = "HTTP", name: str = "", **more: Any) -> Document:
    declared = {"number": port, "name": name or f"{protocol}-{port}".lower(), "protocol": protocol}
    return {"port": declared, "hosts": list(hosts), **more}


def gateway(name: str, *servers: Document) -> Document:
    return document("Gateway", name, {"selector": {"istio": "edge"}, "servers": list(servers)}, EDGE)


def rules(name: str, hosts: list[str], *http: Document, gateways: tuple[str, ...] = ("edge",)) -> Document:
    to = [{"destination": {"host": "cart"}}]
    bound = [f"{EDGE}/{each}" for each in gateways]
    spec = {
        "hosts": hosts,
        "gateways": bound,
        "http": [{**each, "route": to} for each in http or ({"name": name},)],
    }
    return document("VirtualService", name, spec)


def resource(table: str, *documents: Document) -> Resource:
    mesh = snapshot(of_text(yaml.safe_dump_all([CART, *documents]), "test.yaml"))
    pod = {
        "metadata": {
            "name": "edge-1",
            "namespace": EDGE,
            "labels": {"istio": "edge"},
            "annotations": {"proxy": "router"},
        },
        "status": {"podIP": "10.1.0.1"},
    }
    return gateway_routes(ProxyScope(proxy(nodes.node(pod)), mesh), (table,))[table]


def hosts(table: str, *documents: Document) -> dict[str, VirtualHost]:
    configuration = RouteConfiguration.FromString(resource(table, *documents).body)
    return {host.name: host for host in configuration.virtual_hosts}


def names(host: VirtualHost) -> list[str]:
    return [route.name for route in host.routes]


def test_a_host_is_what_server_and_rules_share() -> None:
    found = hosts(
        "http.80", gateway("edge", server("*.example.com", "a.org")), rules("v", ["a.example.com", "*.org"])
    )
    assert sorted(found) == ["a.example.com:80"]
    assert sorted(found["a.example.com:80"].domains) == ["a.example.com", "a.org"]


def test_a_server_may_take_rules_of_some_namespaces_only() -> None:
    edge = gateway("edge", server("shop/a.org", "other/b.org", "*/c.org", "./d.org"))
    found = hosts("http.80", edge, rules("v", ["a.org", "b.org", "c.org", "d.org"]))
    assert sorted(domain for host in found.values() for domain in host.domains) == ["a.org", "c.org"]


def test_rules_of_one_host_add_up_and_what_takes_everything_comes_last() -> None:
    first = rules("a", ["a.org"], {"name": "all"})
    second = rules("b", ["a.org"], {"name": "some", "match": [{"uri": {"prefix": "/some"}}]})
    found = hosts("http.80", gateway("edge", server("a.org")), first, second)
    assert names(found["a.org:80"]) == ["some", "all"]


def test_without_rules_nobody_is_known() -> None:
    found = hosts("http.80", gateway("edge", server("a.org")))
    assert list(found) == ["blackhole:80"]
    assert list(found["blackhole:80"].domains) == ["*"]
    assert not found["blackhole:80"].routes


def test_a_redirecting_server_redirects_all_its_hosts() -> None:
    edge = gateway("edge", server("a.org", "b.org", tls={"httpsRedirect": True}), server("c.org", name="c"))
    found = hosts("http.80", edge, rules("v", ["a.org", "c.org"]))
    assert {name: host.require_tls for name, host in found.items()} == {
        "a.org:80": VirtualHost.ALL,
        "b.org:80": VirtualHost.ALL,
        "c.org:80": VirtualHost.NONE,
    }


def test_matches_for_another_gateway_do_not_apply() -> None:
    rule = rules(
        "v",
        ["a.org"],
        {"name": "edge", "match": [{"gateways": [f"{EDGE}/edge"], "uri": {"exact": "/a"}}]},
        {"name": "mesh", "match": [{"gateways": ["mesh"]}]},
    )
    assert names(hosts("http.80", gateway("edge", server("a.org")), rule)["a.org:80"]) == ["edge"]


def test_an_https_server_has_a_table_of_its_own() -> None:
    tls = {"mode": "SIMPLE", "credentialName": "cert"}
    edge = gateway("edge", server("a.org", port=443, protocol="HTTPS", tls=tls), server("b.org"))
    rule = rules("v", ["a.org", "b.org"], {"name": "r", "redirect": {}})
    rule["spec"]["http"] = [{"redirect": {"port": 443, "authority": "x.org"}}]
    found = hosts(f"https.443.https-443.edge.{EDGE}", edge, rule)
    assert sorted(found) == ["a.org:443"]
    assert not found["a.org:443"].routes[0].redirect.port_redirect


def test_a_table_whose_servers_are_gone_is_empty() -> None:
    assert hosts("http.9999", gateway("edge", server("a.org"))) == {}


def test_a_table_names_the_documents_it_was_made_from() -> None:
    made = resource("http.80", gateway("edge", server("a.org")), rules("v", ["a.org"]), rules("w", ["b.org"]))
    assert [origin.key for origin in made.origins] == [
        ("Gateway", EDGE, "edge"),
        ("VirtualService", "shop", "v"),
    ]
