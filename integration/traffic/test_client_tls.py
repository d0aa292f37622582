"""How the client's proxy speaks to a server: the four TLS modes, and what the server sees of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.gateways.visits import Issuer
from integration.traffic.rules import WEB, networking, policy, routes
from miniistiod.ca import keys
from miniistiod.ca.credential import credential
from miniistiod.ca.identity import Identity
from miniistiod.server import authority_store
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


ONLY_CLIENT = "workloadSelector: {matchLabels: {app: client}}\n"
"""A key goes only where a rule's namespace has a say: other proxies would wait for theirs in vain."""
STRICT = (
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict}\n"
    "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}\n"
)


def certificate(lab: LiveLab, port: int = 8000) -> str:
    """What a server in the mesh is told of its caller's certificate; "" when it had none."""
    (reply,) = lab.client.send(f"http://web:{port}/headers")
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


def test_a_port_and_a_subset_have_a_mode_of_their_own(lab: LiveLab) -> None:
    plain = "tls: {mode: DISABLE}"
    port = f"{{tls: {{mode: ISTIO_MUTUAL}}, portLevelSettings: [{{port: {{number: 8002}}, {plain}}}]}}"
    with lab.rules(policy(port)):
        assert (certificate(lab) != "", certificate(lab, 8002)) == (True, "")
    subsets = (
        f"subsets:\n- {{name: v1, labels: {{version: v1}}}}\n- {{name: all, trafficPolicy: {{{plain}}}}}\n"
    )
    with lab.rules(policy("", more=subsets)):
        for subset, secure in (("v1", True), ("all", False)):
            with lab.rules(routes(f"- route: [{{destination: {{host: web, subset: {subset}}}}}]")):
                assert (certificate(lab) != "") is secure


def test_a_connection_without_tls_is_refused_where_it_must_be_mutual(lab: LiveLab) -> None:
    with lab.rules(STRICT):
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
    """A server in the mesh trusts Istio's roots only: a stranger's certificate is refused there."""
    mine = Issuer.new().secret("mine", "stranger.test", roots=Issuer.new())
    tls = "{mode: MUTUAL, credentialName: mine, insecureSkipVerify: true, sni: %s}"
    outside = policy(f"{{tls: {tls % 'www.outside.test'}}}", "www.outside.test", ONLY_CLIENT)
    server_name = "outbound_.8000_._.web.default.svc.cluster.local"
    inside = policy(f"{{tls: {tls % server_name}}}", more=ONLY_CLIENT)
    with lab.rules(world(), mine.replace("istio-system", "default"), outside, inside, STRICT):
        (reply,) = lab.client.send(WORLD_URL)
        before = unverified(lab)
        (refused,) = lab.client.send(f"{WEB}/headers")
        assert unverified(lab) > before
    assert (reply.status, reply.json()["hostname"]) == (200, "world")
    assert refused.status == 503


def unverified(lab: LiveLab) -> int:
    """How many certificates the servers of web have refused."""
    pages = [lab.proxy(f"web-v{n}", "/stats?filter=listener.*ssl.fail_verify_error") for n in (1, 2, 3)]
    return sum(int(line.rpartition(": ")[2]) for page in pages for line in page.splitlines())


def test_mutual_tls_shows_the_certificate_of_files(lab: LiveLab) -> None:
    """The mesh's own authority has signed it, for somebody else: the server lets it in and tells of it."""
    folder, now = lab.state.secrets, datetime.now(UTC)
    partner = Identity("cluster.local", "partners", "partner")
    authority = authority_store.authority(lab.state.keys, now)
    made = credential(authority, partner, keys.private_key(), now, timedelta(hours=1))
    for name, content in (("chain", made.chain_pem), ("key", made.key_pem), ("roots", made.roots_pem)):
        authority_store.private_file(folder / f"{name}.pem", content)
    files = f"clientCertificate: {folder}/chain.pem, privateKey: {folder}/key.pem"
    files += f", caCertificates: {folder}/roots.pem"
    tls = f"{files}, subjectAltNames: ['spiffe://cluster.local/ns/default/sa/web']"
    with lab.rules(STRICT, policy(f"{{tls: {{mode: MUTUAL, {tls}}}}}", more=ONLY_CLIENT)):
        shown = certificate(lab)
    assert f"URI={partner.uri}" in shown
