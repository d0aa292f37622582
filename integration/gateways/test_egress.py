"""The way out: declared hosts, an egress gateway for HTTP, for TLS by SNI, and with TLS made there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.gateways.visits import Issuer, secret, visit
from miniistiod.testing.live import CONFIGS, LiveLab

pytestmark = pytest.mark.lab("httpbin", "egress")

EXERCISES = CONFIGS / "egress" / "exercises"
DIRECT = EXERCISES / "01-direct"
WORLD, OTHER = "www.outside.example", "other.outside.example"
REGISTRY_ONLY = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    accessLogFile: /dev/stdout
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""


def peers(lab: LiveLab, *paths: str) -> list[str]:
    """Where the world saw the requests with these paths come from: workloads by name."""
    names = {pod["address"]: pod["name"] for pod in lab.outside.ask("status")["pods"]}
    seen = {
        request["path"]: names.get(request["peer"], "?") for request in lab.app("world", "outside").requests
    }
    return [seen.get(path, "nobody") for path in paths]


def test_without_a_rule_everything_gets_out(lab: LiveLab) -> None:
    (reply,) = lab.client.send(f"http://{WORLD}/anything/free")
    secure = visit(lab, WORLD, tls=True, source="client.default", path="/anything/free-tls")
    assert (reply.status, secure.status, secure.names) == (200, 200, [WORLD, OTHER])
    assert peers(lab, "/anything/free", "/anything/free-tls") == ["client", "client"]


def test_registry_only_lets_out_what_is_declared(lab: LiveLab) -> None:
    with lab.rules(REGISTRY_ONLY):
        log = lab.access_log("client")
        closed = lab.client.send(f"http://{WORLD}/")
        closed_tls = visit(lab, WORLD, tls=True, source="client.default")
        (entry, *_) = log.awaited(1)
        with lab.rules(DIRECT):
            (declared,) = lab.client.send(f"http://{WORLD}/anything/declared")
            declared_tls = visit(lab, WORLD, tls=True, source="client.default")
            (other,) = lab.client.send(f"http://{OTHER}/")
            other_tls = visit(lab, OTHER, tls=True, source="client.default")
    assert [reply.status for reply in closed] == [502]
    assert entry["cluster"] in ("BlackHoleCluster", "-")
    assert closed_tls.error
    assert (declared.status, declared_tls.status) == (200, 200)
    assert other.status == 502
    assert other_tls.error


def test_an_address_is_no_way_around_the_egress_gateway(lab: LiveLab) -> None:
    """REGISTRY_ONLY shuts the side door: who knows the address only does not get there."""
    address = next(p["address"] for p in lab.outside.ask("status")["pods"] if p["name"] == "world")
    order = {"source": "client.default", "address": address}
    with lab.rules(REGISTRY_ONLY, DIRECT, EXERCISES / "03-tls-by-sni"):
        (plain,) = lab.client.send(f"http://{address}/anything/side-door")
        secure = visit(lab, OTHER, tls=True, path="/anything/side-door-tls", **order)
        named = visit(lab, WORLD, tls=True, path="/anything/front-door", **order)
    assert plain.status == 502
    assert secure.error
    assert named.status == 200
    assert peers(lab, "/anything/side-door", "/anything/side-door-tls") == ["nobody", "nobody"]
    assert peers(lab, "/anything/front-door") == ["istio-egressgateway"]


def test_a_declared_host_obeys_rules(lab: LiveLab) -> None:
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: world}\n"
        f"spec: {{hosts: [{WORLD}],"
        f" http: [{{timeout: 0.3s, route: [{{destination: {{host: {WORLD}}}}}]}}]}}\n"
    )
    with lab.rules(DIRECT, rule):
        (slow,) = lab.client.send(f"http://{WORLD}/delay/5")
    assert slow.status == 504


def test_http_leaves_through_the_egress_gateway(lab: LiveLab) -> None:
    with lab.rules(REGISTRY_ONLY, DIRECT, EXERCISES / "02-http"):
        log = lab.access_log("istio-egressgateway", "istio-system")
        (reply,) = lab.client.send(f"http://{WORLD}/anything/through")
        (entry,) = log.awaited(1)
    assert reply.status == 200
    assert peers(lab, "/anything/through") == ["istio-egressgateway"]
    assert (entry["path"], entry["authority"]) == ("/anything/through", WORLD)
    assert entry["cluster"] == f"outbound|80||{WORLD}"


def test_tls_leaves_through_the_egress_gateway_by_its_sni(lab: LiveLab) -> None:
    with lab.rules(REGISTRY_ONLY, DIRECT, EXERCISES / "03-tls-by-sni"):
        reply = visit(lab, WORLD, tls=True, source="client.default", path="/anything/by-sni")
        stranger = visit(lab, OTHER, tls=True, source="client.default")
    assert (reply.status, reply.names) == (200, [WORLD, OTHER])
    assert reply.json()["url"].startswith("https://")
    assert peers(lab, "/anything/by-sni") == ["istio-egressgateway"]
    assert stranger.error


def world_roots(lab: LiveLab, text: str = "") -> str:
    """The Secret with the root that the gateway believes: the world's own certificate."""
    found = text or visit(lab, WORLD, tls=True, source="client.default").certificate
    return secret("world-roots", "generic", {"ca.crt": found})


def test_the_egress_gateway_makes_tls_of_http(lab: LiveLab) -> None:
    with lab.rules(DIRECT, world_roots(lab), EXERCISES / "04-tls-origination"):
        (reply,) = lab.client.send(f"http://{WORLD}/anything/originated")
    assert (reply.status, json.loads(reply.body)["url"]) == (200, f"https://{WORLD}/anything/originated")
    assert peers(lab, "/anything/originated") == ["istio-egressgateway"]


def test_a_certificate_of_somebody_else_is_not_believed(lab: LiveLab) -> None:
    stranger = Issuer.new().authority.roots_pem.decode()
    with lab.rules(DIRECT, world_roots(lab, stranger), EXERCISES / "04-tls-origination"):
        log = lab.access_log("istio-egressgateway", "istio-system")
        (reply,) = lab.client.send(f"http://{WORLD}/anything/unbelieved")
        entries = log.awaited(1)
    assert reply.status == 503
    assert "CERTIFICATE_VERIFY_FAILED" in entries[0]["failure"]
    assert peers(lab, "/anything/unbelieved") == ["nobody"]


def test_every_exercise_is_known_here() -> None:
    text = Path(__file__).read_text()
    assert all(folder.name in text for folder in EXERCISES.iterdir())
