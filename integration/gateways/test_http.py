"""HTTP through an ingress gateway: hosts, merged Gateways, delegation, rules for gateway and mesh at once."""

from __future__ import annotations

import pytest

from integration.gateways.visits import gateway, server, virtual_service, visit
from miniistiod.testing.live import CONFIGS, LiveLab

pytestmark = pytest.mark.lab("httpbin", "protocols", "gateways")

EXERCISES = CONFIGS / "gateways" / "exercises"
TEAPOT = "http: [{directResponse: {status: 418}}]"


def answering(status: int) -> str:
    """Rules by which the proxy itself answers."""
    return f"http: [{{directResponse: {{status: {status}}}}}]"


def test_one_host_comes_in_and_others_find_nothing(lab: LiveLab) -> None:
    with lab.rules(EXERCISES / "01-http"):
        statuses = {
            (host, path): visit(lab, host, path=path).status
            for host in ("httpbin.example.com", "HTTPBIN.example.com", "other.example.com")
            for path in ("/status/202", "/headers")
        }
    assert statuses == {
        ("httpbin.example.com", "/status/202"): 202,
        ("httpbin.example.com", "/headers"): 404,
        ("HTTPBIN.example.com", "/status/202"): 202,
        ("HTTPBIN.example.com", "/headers"): 404,
        ("other.example.com", "/status/202"): 404,
        ("other.example.com", "/headers"): 404,
    }


def test_the_port_in_the_host_header_does_not_matter(lab: LiveLab) -> None:
    with lab.rules(EXERCISES / "01-http"):
        reply = visit(
            lab, "httpbin.example.com", path="/status/200", headers={"host": "httpbin.example.com:80"}
        )
    assert reply.status == 200


def test_nobody_listens_before_there_is_a_gateway(lab: LiveLab) -> None:
    assert visit(lab, "httpbin.example.com").error.startswith("ConnectionRefusedError")
    with lab.rules(EXERCISES / "01-http"):
        assert visit(lab, "httpbin.example.com", path="/status/200").status == 200


def test_a_gateway_without_rules_answers_404(lab: LiveLab) -> None:
    with lab.rules(gateway("empty", server(80, "HTTP", "'*'"))):
        assert visit(lab, "httpbin.example.com").status == 404


def test_the_narrowest_host_wins(lab: LiveLab) -> None:
    rules = [
        gateway("wide", server(80, "HTTP", "'*.example.com', '*.example.org'")),
        virtual_service("one", "one.example.com", "wide", answering(201)),
        virtual_service("deep", "'*.deep.example.com'", "wide", answering(202)),
        virtual_service("any", "'*.example.com'", "wide", answering(203)),
    ]
    hosts = (
        "one.example.com",
        "a.deep.example.com",
        "b.a.deep.example.com",
        "two.example.com",
        "example.org",
    )
    with lab.rules(*rules):
        statuses = [visit(lab, "two.example.com", headers={"host": host}).status for host in hosts]
    assert statuses == [201, 202, 202, 203, 404]


def test_a_rule_with_the_host_star_takes_only_what_the_gateway_lets_in(lab: LiveLab) -> None:
    with lab.rules(
        gateway("narrow", server(80, "HTTP", "one.example.com")),
        virtual_service("all", "'*'", "narrow", TEAPOT),
    ):
        assert visit(lab, "one.example.com").status == 418
        assert visit(lab, "two.example.com").status == 404


def test_a_gateway_says_whose_rules_may_bind_to_its_hosts(lab: LiveLab) -> None:
    hosts = ("own.example.com", "named.example.com", "all.example.com")
    bound = [
        virtual_service(f"{namespace}-{host.partition('.')[0]}", host, "default/shared", TEAPOT, namespace)
        for namespace in ("default", "outside")
        for host in hosts
    ]
    shared = gateway(
        "shared", server(80, "HTTP", "./own.example.com, outside/named.example.com, '*/all.example.com'")
    )
    with lab.rules(shared, *bound[:3]):
        of_default = [visit(lab, host).status for host in hosts]
    with lab.rules(shared, *bound[3:]):
        of_outside = [visit(lab, host).status for host in hosts]
    assert (of_default, of_outside) == ([418, 404, 418], [404, 418, 418])


def test_gateways_on_one_port_are_merged_and_a_foreign_protocol_is_refused(lab: LiveLab) -> None:
    first = gateway("first", server(80, "HTTP", "first.example.com"))
    second = gateway("second", server(80, "HTTP", "second.example.com"))
    third = gateway("third", server(80, "TCP", "'*'", name="tcp-late"))
    to = [virtual_service(f"to-{n}", f"{n}.example.com", n, TEAPOT) for n in ("first", "second")]
    tcp = "tcp: [{route: [{destination: {host: tcp-echo.default.svc.cluster.local, port: {number: 9000}}}]}]"
    with lab.rules(first, second, *to), lab.rules(third, virtual_service("late", "'*'", "third", tcp)):
        assert [visit(lab, f"{n}.example.com").status for n in ("first", "second")] == [418, 418]
        said = lab.pages.get("/debug/diagnostics").json()
    lost = [(each["object"], each["path"]) for each in said if each["code"] == "IST0145"]
    assert lost == [("Gateway default/third", "spec.servers[0]")]


def test_rules_of_two_gateways_for_the_same_host_add_up(lab: LiveLab) -> None:
    """One host, two VirtualServices on the same gateway: the older one's routes are asked first."""
    old = "http: [{match: [{uri: {prefix: /a}}], directResponse: {status: 201}}]"
    first = "{match: [{uri: {prefix: /ab}}], directResponse: {status: 202}}"
    new = f"http: [{first}, {{directResponse: {{status: 203}}}}]"
    with (
        lab.rules(gateway("both", server(80, "HTTP", "'*.example.com'"))),
        lab.rules(virtual_service("a-old", "one.example.com", "both", old)),
        lab.rules(virtual_service("b-new", "one.example.com", "both", new)),
    ):
        statuses = [visit(lab, "one.example.com", path=path).status for path in ("/a", "/ab", "/c")]
    assert statuses == [201, 201, 203]


def test_a_rule_for_gateway_and_mesh_serves_both_and_can_tell_them_apart(lab: LiveLab) -> None:
    at_gateway = "{match: [{gateways: [both]}], directResponse: {status: 201}}"
    rules = f"http: [{at_gateway}, {{directResponse: {{status: 202}}}}]"
    host = "httpbin.default.svc.cluster.local"
    with lab.rules(
        gateway("both", server(80, "HTTP", f"{host}, httpbin.example.com")),
        virtual_service("both", f"{host}, httpbin.example.com", "both, mesh", rules),
    ):
        assert visit(lab, "httpbin.example.com").status == 201
        (reply,) = lab.client.send("http://httpbin:8000/")
    assert reply.status == 202


def test_a_rule_for_a_gateway_does_not_touch_the_mesh(lab: LiveLab) -> None:
    host = "httpbin.default.svc.cluster.local"
    with lab.rules(gateway("only", server(80, "HTTP", host)), virtual_service("only", host, "only", TEAPOT)):
        assert visit(lab, "httpbin.example.com", headers={"host": host}).status == 418
        (reply,) = lab.client.send("http://httpbin:8000/status/200")
    assert reply.status == 200


def test_a_root_delegates_to_the_rules_of_other_namespaces(lab: LiveLab) -> None:
    delegate = (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: team, namespace: outside}\n"
        "spec: {http: [{match: [{uri: {prefix: /team/one}}], directResponse: {status: 201}},"
        " {match: [{uri: {prefix: /elsewhere}}], directResponse: {status: 202}},"
        " {directResponse: {status: 203}}]}\n"
    )
    root = (
        "http: [{match: [{uri: {prefix: /team}}], delegate: {name: team, namespace: outside}},"
        " {directResponse: {status: 204}}]"
    )
    with lab.rules(
        gateway("root", server(80, "HTTP", "'*.example.com'")),
        virtual_service("root", "one.example.com", "root", root),
        delegate,
    ):
        paths = ("/team/one", "/team/two", "/elsewhere", "/")
        statuses = [visit(lab, "one.example.com", path=path).status for path in paths]
    assert statuses == [201, 203, 204, 204]
