"""How the client's proxy speaks to a server: the four TLS modes, and what the server sees of it."""

from __future__ import annotations

import pytest

from integration.gateways.visits import Issuer
from integration.traffic.rules import WEB, networking, policy
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

WORLD = """
hosts: [www.outside.test]
ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
resolution: DNS
"""
WORLD_URL = "http://www.outside.test/anything"


def world() -> str:
    """The world outside; its HTTPS port under the name of an HTTP one, so that the proxy brings the TLS."""
    return networking("ServiceEntry", "world", WORLD)


def certificate(lab: LiveLab) -> str:
    """What a server in the mesh is told of its caller's certificate; "" when it had none."""
    (reply,) = lab.client.send(f"{WEB}/headers")
    assert reply.status == 200, reply
    return str(reply.json()["headers"].get("x-forwarded-client-cert", ""))


def test_mutual_tls_is_spoken_in_the_mesh_unless_a_rule_says_no(lab: LiveLab) -> None:
    automatic = certificate(lab)
    with lab.rules(policy("{tls: {mode: DISABLE}}")):
        disabled = certificate(lab)
    with lab.rules(policy("{tls: {mode: ISTIO_MUTUAL}}")):
        mutual = certificate(lab)
    assert "URI=spiffe://cluster.local/ns/default/sa/client" in automatic
    assert "URI=spiffe://cluster.local/ns/default/sa/client" in mutual
    assert disabled == ""


def test_a_connection_without_tls_is_refused_where_it_must_be_mutual(lab: LiveLab) -> None:
    strict = (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict}\n"
        "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}\n"
    )
    with lab.rules(strict):
        assert "spiffe://" in certificate(lab)
        with lab.rules(policy("{tls: {mode: DISABLE}}")):
            (refused,) = lab.client.send(f"{WEB}/headers")
    assert refused.status == 503


def test_the_proxy_brings_the_tls_to_a_server_outside(lab: LiveLab) -> None:
    with lab.rules(world()):
        (plain,) = lab.client.send(WORLD_URL)
        with lab.rules(policy("{tls: {mode: SIMPLE, insecureSkipVerify: true}}", "www.outside.test")):
            (secure,) = lab.client.send(WORLD_URL)
    assert plain.status == 503
    assert (secure.status, secure.json()["hostname"]) == (200, "world")
    assert secure.json()["url"].startswith("https://")


def test_a_certificate_that_no_known_authority_signed_is_refused(lab: LiveLab) -> None:
    log = lab.access_log("client")
    with lab.rules(world(), policy("{tls: {mode: SIMPLE, sni: www.outside.test}}", "www.outside.test")):
        (reply,) = lab.client.send(WORLD_URL)
    (entry,) = log.awaited(1)
    assert reply.status == 503
    assert "CERTIFICATE_VERIFY_FAILED" in entry["failure"]


def test_mutual_tls_shows_the_certificate_of_a_credential(lab: LiveLab) -> None:
    """The server in the mesh trusts Istio's roots only: a stranger's certificate is refused there."""
    mine = Issuer.new().secret("mine", "stranger.test", roots=Issuer.new())
    tls = "{mode: MUTUAL, credentialName: mine, insecureSkipVerify: true, sni: %s}"
    only = "workloadSelector: {matchLabels: {app: client}}\n"
    outside = policy(f"{{tls: {tls % 'www.outside.test'}}}", "www.outside.test", only)
    server_name = "outbound_.8000_._.web.default.svc.cluster.local"
    inside = policy(f"{{tls: {tls % server_name}}}", more=only)
    with lab.rules(world(), mine.replace("istio-system", "default"), outside, inside):
        (reply,) = lab.client.send(WORLD_URL)
        (refused,) = lab.client.send(f"{WEB}/headers")
    assert (reply.status, reply.json()["hostname"]) == (200, "world")
    assert refused.status == 503
