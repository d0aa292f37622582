"""Which chains a router's ports have: SNI taken once, policies of TLS, and ports without any chain."""

from __future__ import annotations

from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener

from tests.generate.test_listeners_outbound import Document, document, found, inspectors, leads_to, service


def gateway(name: str, *servers: Document) -> Document:
    return document("Gateway", name, {"selector": {"app": "edge"}, "servers": list(servers)})


def server(port: int, protocol: str, *hosts: str, **more: Any) -> Document:
    return {"port": {"number": port, "name": f"p{port}", "protocol": protocol}, "hosts": list(hosts), **more}


def rules(name: str, gateway_name: str, hosts: list[str], **routes: Any) -> Document:
    return document("VirtualService", name, {"hosts": hosts, "gateways": [gateway_name], **routes})


def by_sni(host: str, to: str) -> Document:
    """A tls rule for one SNI."""
    return {
        "match": [{"port": 443, "sniHosts": [host]}],
        "route": [{"destination": {"host": to, "port": {"number": 80}}}],
    }


def router(*documents: Document, **metadata: Any) -> dict[str, Listener]:
    return found(*documents, app="edge", kind="router", **metadata)


PASSTHROUGH = {"tls": {"mode": "PASSTHROUGH"}}


def test_a_plain_port_has_one_table_for_all_its_servers() -> None:
    listener = router(gateway("g", server(80, "HTTP", "a.example", "b.example")))["0.0.0.0_80"]
    assert [leads_to(chain) for chain in listener.filter_chains] == ["http:http.80"]
    assert inspectors(listener) == []


def test_each_server_that_ends_tls_is_chosen_by_its_names() -> None:
    tls = {"tls": {"mode": "SIMPLE", "credentialName": "c"}}
    one, two = server(443, "HTTPS", "b.example", "a.example", **tls), server(443, "HTTPS", "c.example", **tls)
    two["port"]["name"] = "other"
    listener = router(gateway("g", one, two))["0.0.0.0_443"]
    names = [list(chain.filter_chain_match.server_names) for chain in listener.filter_chains]
    assert names == [["a.example", "b.example"], ["c.example"]]
    assert [leads_to(chain) for chain in listener.filter_chains] == [
        "http:https.443.p443.g.shop",
        "http:https.443.other.g.shop",
    ]
    assert inspectors(listener) == ["tls_inspector"]


def test_an_sni_that_two_rules_claim_belongs_to_the_first() -> None:
    host = "a.example"
    listener = router(
        service("one", "10.96.0.1", "tcp"),
        service("two", "10.96.0.2", "tcp"),
        gateway("g", server(443, "TLS", host, **PASSTHROUGH)),
        rules("v", "g", [host], tls=[by_sni(host, "one")]),
        rules("w", "g", [host], tls=[by_sni(host, "two")]),
    )["0.0.0.0_443"]
    assert [leads_to(chain) for chain in listener.filter_chains] == [
        "outbound|80||one.shop.svc.cluster.local"
    ]


def test_a_tcp_port_without_a_rule_has_no_listener() -> None:
    assert "0.0.0.0_5000" not in router(gateway("g", server(5000, "TCP", "*")))


def test_a_tcp_rule_gives_the_port_its_one_chain() -> None:
    route = {"match": [{"port": 5000}], "route": [{"destination": {"host": "one", "port": {"number": 80}}}]}
    listener = router(
        service("one", "10.96.0.1", "tcp"),
        gateway("g", server(5000, "TCP", "*")),
        rules("v", "g", ["*"], tcp=[route]),
    )["0.0.0.0_5000"]
    assert [leads_to(chain) for chain in listener.filter_chains] == [
        "outbound|80||one.shop.svc.cluster.local"
    ]


def test_a_low_port_is_left_out_where_it_cannot_be_opened() -> None:
    documents = gateway("g", server(80, "HTTP", "a.example"), server(8080, "HTTP", "a.example"))
    assert set(router(documents, UNPRIVILEGED_POD="true")) == {"0.0.0.0_8080"}


def test_auto_passthrough_names_each_cluster_in_the_sni() -> None:
    listener = router(
        service("one", "10.96.0.1", "http"),
        document(
            "DestinationRule",
            "one",
            {"host": "one", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]},
        ),
        gateway("g", server(15443, "TLS", "*.local", tls={"mode": "AUTO_PASSTHROUGH"})),
    )["0.0.0.0_15443"]
    names = [list(chain.filter_chain_match.server_names) for chain in listener.filter_chains]
    host = "one.shop.svc.cluster.local"
    assert names == [[f"outbound_.80_._.{host}"], [f"outbound_.80_.v1_.{host}"]]
