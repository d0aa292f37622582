"""Listeners of the Gateway API on a real Envoy, and what needs more than one request.

Isolation, certificates, clients' certificates, mirrors, weights, WebSockets, changes under way, routes of a
Service. The ideas are those of the upstream conformance suite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.gateways.visits import Issuer, secret, visit
from integration.traffic.rules import likely
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("httpbin", "gateways", "gateway-api")

HERE = Path(__file__).parent
API = "apiVersion: gateway.networking.k8s.io/v1\n"
ONE, TWO = "backendRefs: [{name: one, port: 80}]", "backendRefs: [{name: two, port: 80}]"
TRIES = 300
NO_CHAIN = ("ConnectionResetError", "SSLEOFError", "SSLZeroReturnError")


def gateway(*listeners: str, more: str = "") -> str:
    """A Gateway named `more` on the router of the lab."""
    spec = f"{{gatewayClassName: istio, addresses: [{{type: Hostname, value: front-istio}}]{more}"
    named = "metadata: {name: more, namespace: default}"
    return f"{API}kind: Gateway\n{named}\nspec: {spec}, listeners: [{', '.join(listeners)}]}}\n"


def listener(name: str, hostname: str = "", port: int = 80, protocol: str = "HTTP", more: str = "") -> str:
    own = f", hostname: '{hostname}'" if hostname else ""
    return f"{{name: {name}, port: {port}, protocol: {protocol}{own}{more}}}"


def route(
    name: str, rules: str, parent: str = "name: more", hostnames: str = "", namespace: str = "default"
) -> str:
    """An HTTPRoute with rules in YAML's short form."""
    own = f"hostnames: [{hostnames}], " if hostnames else ""
    metadata = f"metadata: {{name: {name}, namespace: {namespace}}}"
    return f"{API}kind: HTTPRoute\n{metadata}\nspec: {{parentRefs: [{{{parent}}}], {own}rules: [{rules}]}}\n"


def to(prefix: str, backends: str) -> str:
    """A rule for a prefix of the path."""
    return f"{{matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}], {backends}}}"


@pytest.fixture(scope="module")
def served(lab: LiveLab) -> Iterator[LiveLab]:
    """The lab with the backends."""
    with lab.rules(HERE / "backends.yaml"):
        lab.outside.settled(lambda _: None)
        lab.settle()
        yield lab


def backend(lab: LiveLab, host: str, path: str, port: int = 80) -> str:
    """Who answers, or the status."""
    visitor = lab.caller("visitor", "outside")
    (reply,) = visitor.send(f"http://any.example.net:{port}{path}", headers={"host": host})
    return str(reply.json()["hostname"]) if reply.status == 200 else str(reply.status)


def test_each_host_is_served_by_its_narrowest_listener_alone(served: LiveLab) -> None:
    """GatewayHTTPListenerIsolation: a listener with a wider name does not help out."""
    names = {"any": "", "wide": "*.example.com", "deep": "*.foo.example.com", "one": "abc.foo.example.com"}
    listeners = [listener(name, hostname, 8080) for name, hostname in names.items()]
    routes = [
        route(f"to-{name}", to(f"/anything/{name}", ONE), f"name: more, sectionName: {name}")
        for name in names
    ]
    without_open = gateway(*listeners).replace("name: more", "name: open")
    routes = [each.replace("name: more", "name: open") for each in routes]
    hosts = {
        "bar.com": "any",
        "bar.example.com": "wide",
        "x.foo.example.com": "deep",
        "abc.foo.example.com": "one",
    }
    with served.rules(without_open, *routes):
        seen = {
            (host, name): backend(served, host, f"/anything/{name}", 8080) for host in hosts for name in names
        }
    assert seen == {
        (host, name): "web-v1" if name == own else "404" for host, own in hosts.items() for name in names
    }


def test_a_route_gets_the_hosts_that_it_shares_with_a_listener(served: LiveLab) -> None:
    """HTTPRouteHostnameIntersection, HTTPRouteListenerHostnameMatching."""
    listeners = [
        listener("one", "very.specific.com"),
        listener("wide", "*.wildcard.io"),
        listener("last", "*.other.io"),
    ]
    routes = [
        route("a", to("/anything/a", ONE), hostnames="non.matching.com, '*.nothing.io', very.specific.com"),
        route(
            "b",
            to("/anything/b", ONE),
            hostnames="wildcard.io, foo.wildcard.io, foo.bar.wildcard.io, foo.com",
        ),
        route("c", to("/anything/c", TWO), hostnames="'*.specific.com', '*.deep.other.io'"),
        route("d", to("/anything/d", TWO), "name: more, sectionName: last"),
    ]
    with served.rules(gateway(*listeners), *routes):
        seen = {
            (host, path): backend(served, host, f"/anything/{path}")
            for host, path in (
                ("very.specific.com", "a"),
                ("non.matching.com", "a"),
                ("foo.nothing.io", "a"),
                ("foo.wildcard.io", "b"),
                ("foo.bar.wildcard.io", "b"),
                ("wildcard.io", "b"),
                ("foo.com", "b"),
                ("very.specific.com", "c"),
                ("other.specific.com", "c"),
                ("x.deep.other.io", "c"),
                ("x.other.io", "c"),
                ("x.other.io", "d"),
                ("foo.wildcard.io", "d"),
            )
        }
    found = {key for key, value in seen.items() if value != "404"}
    assert found == {
        ("very.specific.com", "a"),
        ("foo.wildcard.io", "b"),
        ("foo.bar.wildcard.io", "b"),
        ("very.specific.com", "c"),
        ("x.deep.other.io", "c"),
        ("x.other.io", "d"),
    }


def test_listeners_come_and_go_while_others_serve(served: LiveLab) -> None:
    """GatewayModifyListeners."""
    routes = route("all", to("/anything", ONE))
    first, second = listener("first", "first.net"), listener("second", "second.net")
    visitor = served.caller("visitor", "outside")
    with (
        served.rules(gateway(first), routes),
        visitor.loop("http://any.example.net/anything", headers={"host": "first.net"}) as loop,
    ):
        seen = [backend(served, "second.net", "/anything")]
        with served.rules(gateway(first, second)):
            seen.append(backend(served, "second.net", "/anything"))
        seen.append(backend(served, "second.net", "/anything"))
        loop.more(10)
    assert seen == ["404", "web-v1", "404"]
    assert {reply.status for reply in loop.replies} == {200}


def https(name: str, host: str, more: str) -> str:
    return listener(name, host, 443, "HTTPS", f", tls: {{{more}}}")


def test_https_by_sni_with_a_certificate_that_a_grant_opens(served: LiveLab) -> None:
    """HTTPRouteHTTPSListener, GatewaySecretReferenceGrantSpecific, GatewaySecretMissingReferenceGrant."""
    issuer = Issuer.new()
    refers = "certificateRefs: [{{name: {}, namespace: istio-system}}]"
    listeners = [https(n, f"{n}.example.net", refers.format(n)) for n in ("granted", "closed")]
    grant = (
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
        "metadata: {name: g, namespace: istio-system}\nspec:\n"
        "  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}]\n"
        "  to: [{group: '', kind: Secret, name: granted}]\n"
    )
    secrets = [issuer.secret(n, f"{n}.example.net") for n in ("granted", "closed")]
    with served.rules(*secrets, grant, gateway(*listeners), route("all", to("/anything", ONE))):
        granted, closed = (
            visit(served, f"{n}.example.net", tls=True, path="/anything") for n in ("granted", "closed")
        )
    assert (granted.status, granted.names) == (200, ["granted.example.net"])
    assert closed.error.startswith(NO_CHAIN)


@pytest.mark.parametrize(("mode", "stranger"), [("AllowValidOnly", 0), ("AllowInsecureFallback", 200)])
def test_clients_are_verified(served: LiveLab, tmp_path: Path, mode: str, stranger: int) -> None:
    """GatewayFrontendClientCertificateValidation, and its InsecureFallback."""
    issuer, clients = Issuer.new(), Issuer.new()
    own = issuer.secret("own", "own.example.net").replace("istio-system", "default")
    roots = secret("clients", "generic", {"ca.crt": clients.authority.roots_pem.decode()})
    roots = roots.replace("istio-system", "default")
    validation = f"{{mode: {mode}, caCertificateRefs: [{{group: '', kind: Secret, name: clients}}]}}"
    front = gateway(
        https("own", "own.example.net", "certificateRefs: [{name: own}]"),
        more=f", tls: {{frontend: {{default: {{validation: {validation}}}}}}}",
    )
    with served.rules(own, roots, front, route("all", to("/anything", ONE))):
        known = clients.credential(tmp_path, "friend.example")
        other = Issuer.new().credential(tmp_path, "enemy.example")
        welcome, nobody, enemy = (
            visit(served, "own.example.net", tls=True, path="/anything", **order)
            for order in ({"credential": known}, {}, {"credential": other})
        )
    assert (welcome.status, nobody.status, enemy.status) == (200, stranger, stranger)


def test_mirrors_get_their_copies_and_the_client_none_of_their_answers(served: LiveLab) -> None:
    """HTTPRouteRequestMirror, HTTPRouteRequestMultipleMirrors."""
    targets = ("{name: two, port: 80}", "{name: far, namespace: far, port: 80}")
    copies = ", ".join(f"{{type: RequestMirror, requestMirror: {{backendRef: {each}}}}}" for each in targets)
    rules = to("/anything", f"filters: [{copies}], {ONE}")
    with served.rules(route("mirrored", rules, "name: front", "mirrored.example.net")):
        answers = [backend(served, "mirrored.example.net", f"/anything/copy{n}") for n in range(5)]
        copied = [
            served.app(*where).awaited(1, f"/anything/copy{n}")
            for where in (("web-v2", "default"), ("web-far", "far"))
            for n in range(5)
        ]
    assert answers == ["web-v1"] * 5
    assert [len(each) for each in copied] == [1] * 10


def test_weights_share_the_requests(served: LiveLab) -> None:
    """HTTPRouteWeight."""
    backends = "backendRefs: [{name: one, port: 80, weight: 7}, {name: two, port: 80, weight: 3}]"
    with served.rules(route("split", to("/hostname", backends), "name: front", "split.example.net")):
        visitor = served.caller("visitor", "outside")
        replies = visitor.send("http://split.example.net/hostname", count=TRIES, concurrency=4)
    shares = Counter(reply.json()["hostname"] for reply in replies)
    assert shares.keys() == {"web-v1", "web-v2"}
    assert likely(shares["web-v1"], TRIES, 0.7)


def test_a_share_of_the_requests_is_mirrored(served: LiveLab) -> None:
    """HTTPRouteRequestPercentageMirror."""
    mirror = "backendRef: {name: two, port: 80}, fraction: {numerator: 1, denominator: 4}"
    rules = to("/anything", f"filters: [{{type: RequestMirror, requestMirror: {{{mirror}}}}}], {ONE}")
    least = next(hits for hits in range(TRIES) if likely(hits, TRIES, 0.25))
    with served.rules(route("some", rules, "name: front", "some.example.net")):
        visitor = served.caller("visitor", "outside")
        replies = visitor.send("http://some.example.net/anything/some", count=TRIES, concurrency=4)
        copies = served.app("web-v2").awaited(least, "/anything/some")
    assert Counter(reply.json()["hostname"] for reply in replies) == {"web-v1": TRIES}
    assert likely(len(copies), TRIES, 0.25)


def test_a_websocket_goes_through(served: LiveLab) -> None:
    """HTTPRouteBackendProtocolWebSocket."""
    hello = (
        "GET /ws HTTP/1.1\r\nHost: socket.example.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    backends = "backendRefs: [{name: socket, port: 80}]"
    with served.rules(route("socket", to("/ws", backends), "name: front", "socket.example.net")):
        visitor = served.caller("visitor", "outside")
        (reply,) = visitor.send("tcp://socket.example.net:80", content=hello, until="\r\n\r\n")
    assert reply.body.startswith("HTTP/1.1 101 "), reply


def test_a_consumers_route_of_a_service_is_for_its_own_namespace(served: LiveLab) -> None:
    """MeshConsumerRoute: a route of another namespace than the Service's governs who calls from there."""
    parent = "group: '', kind: Service, name: httpbin, namespace: default"
    answer = (
        "filters: [{type: RequestRedirect, requestRedirect: {hostname: consumer.example, statusCode: 302}}]"
    )
    with served.rules(route("consumer", f"{{{answer}}}", parent, namespace="far")):
        (own,) = served.client.send("http://httpbin:8000/status/200")
    with served.rules(route("producer", f"{{{answer}}}", parent)):
        (governed,) = served.client.send("http://httpbin:8000/status/200")
    assert (own.status, governed.status) == (200, 302)
    assert governed.headers["location"] == "http://consumer.example:8000/status/200"


def test_a_route_of_one_port_of_a_service_leaves_the_others_alone(served: LiveLab) -> None:
    """MeshPorts."""
    two_ports = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: ports}\nspec: {selector: {app: httpbin}, ports: ["
        "{name: http-a, port: 81, targetPort: 8000}, {name: http-b, port: 82, targetPort: 8000}]}\n"
    )
    parent = "group: '', kind: Service, name: ports, port: 81"
    answer = "filters: [{type: RequestRedirect, requestRedirect: {hostname: moved.example, statusCode: 302}}]"
    with served.rules(two_ports, route("ports", f"{{{answer}}}", parent)):
        (first,) = served.client.send("http://ports:81/status/200")
        (second,) = served.client.send("http://ports:82/status/200")
    assert (first.status, second.status) == (302, 200)
