"""Which servers of which Gateways a router runs, and on which ports."""

from __future__ import annotations

from miniistiod.proxy.gateways import NO_GATEWAY, MergedGateway
from miniistiod.proxy.node import Proxy, ProxyKind
from miniistiod.proxy.scope import ProxyScope
from tests.mesh.world import mesh, pod, service, virtual_service

EDGE = Proxy(
    ProxyKind.ROUTER,
    "edge.shop",
    "edge",
    "shop",
    "shop.svc.cluster.local",
    ("10.0.0.1",),
    labels={"app": "edge"},
)
HTTP = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['%s']}"
TLS = (
    "{port: {number: 443, name: %s, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}, hosts: ['%s']}"
)


def gateway(name: str, *servers: str, created: str = "2024-01-01", select: str = "edge") -> str:
    """A Gateway for routers of one app."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: shop, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{selector: {{app: {select}}}, servers: [{", ".join(servers)}]}}
"""


def merged(*documents: str) -> MergedGateway:
    """What the router listens on."""
    return ProxyScope(EDGE, mesh(pod("edge", "edge", "10.0.0.1"), *documents)).gateway


def listeners(found: MergedGateway) -> dict[str, list[str]]:
    """{PORT PROTOCOL: names of the gateways of its servers}."""
    return {
        f"{port.number} {port.protocol}": [server.gateway.name for server in each.servers]
        for port, each in found.by_port.items()
    }


def test_only_gateways_that_select_it_count() -> None:
    assert listeners(merged(gateway("other", HTTP % "*", select="far"))) == {}
    assert ProxyScope(EDGE, mesh()).gateway.by_port == {}


def test_a_sidecar_has_no_gateway() -> None:
    proxy = Proxy(
        ProxyKind.SIDECAR,
        "edge.shop",
        "edge",
        "shop",
        "shop.svc.cluster.local",
        ("10.0.0.1",),
        labels={"app": "edge"},
    )
    assert ProxyScope(proxy, mesh(gateway("a", HTTP % "*"))).gateway is NO_GATEWAY


def test_the_port_is_the_target_port_of_the_routers_service() -> None:
    found = merged(gateway("a", HTTP % "*"), service("edge"))
    assert listeners(found) == {"8080 HTTP": ["a"]}
    assert list(found.by_route_name) == ["http.8080"]
    assert found.service_ports == {8080: frozenset({80})}
    assert listeners(merged(gateway("a", HTTP % "*"))) == {"80 HTTP": ["a"]}


def test_plain_http_servers_share_a_port() -> None:
    found = merged(gateway("b", HTTP % "b.example", created="2024-02-01"), gateway("a", HTTP % "a.example"))
    assert listeners(found) == {"80 HTTP": ["a", "b"]}
    assert [s.hosts for s in found.by_route_name["http.80"]] == [("a.example",), ("b.example",)]


def test_another_protocol_on_a_used_port_is_refused() -> None:
    tcp = "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}"
    found = merged(gateway("young", tcp, created="2024-02-01"), gateway("old", HTTP % "*"))
    assert listeners(found) == {"80 HTTP": ["old"]}
    assert [server.gateway.name for server, _ in found.refused] == ["young"]


def test_an_sni_host_that_is_claimed_twice_refuses_the_younger_server_whole() -> None:
    young = gateway("young", TLS % ("b", "a.example', 'b.example"), created="2024-02-01")
    found = merged(young, gateway("old", TLS % ("a", "a.example")))
    assert listeners(found) == {"443 HTTPS": ["old"]}
    assert list(found.by_route_name) == ["https.443.a.old.shop"]
    assert found.credentials == {"kubernetes://c"}


def test_roots_that_have_a_name_of_their_own_may_be_asked_for() -> None:
    mode = "mode: MUTUAL, caCertCredentialName: 'kubernetes-gateway://shop/roots-cacert'"
    found = merged(gateway("a", (TLS % ("a", "a.example")).replace("mode: SIMPLE", mode)))
    roots = {"kubernetes://c-cacert", "kubernetes-gateway://shop/roots-cacert"}
    assert found.credentials == {"kubernetes://c"} | roots


def test_tls_servers_of_several_gateways_share_a_port() -> None:
    found = merged(gateway("a", TLS % ("x", "a.example")), gateway("b", TLS % ("x", "b.example")))
    assert listeners(found) == {"443 HTTPS": ["a", "b"]}
    assert list(found.by_route_name) == ["https.443.x.a.shop", "https.443.x.b.shop"]


def test_hosts_name_the_namespaces_of_their_virtual_services() -> None:
    found = merged(gateway("a", HTTP % "./a.example', '*/b.example', 'far/c.example"))
    (server,) = found.by_route_name["http.80"]
    assert server.hosts == ("shop/a.example", "b.example", "far/c.example")


def test_a_router_sees_the_virtual_services_bound_to_its_gateways() -> None:
    bound = virtual_service("bound", "a.example", "cart", more=", gateways: [a]")
    found = merged(gateway("a", HTTP % "*"), bound, virtual_service("mesh", "b.example", "cart"))
    assert [vs.name for vs in found.virtual_services["shop/a"]] == ["bound"]
