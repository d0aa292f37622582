"""TLS at an ingress gateway: who is served which certificate, who is let in, what is refused, and how."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from integration.gateways.visits import Issuer, gateway, secret, server, virtual_service, visit
from miniistiod.server import authority_store
from miniistiod.testing.live import CONFIGS, INTERVAL, SECONDS_TO_SETTLE, LiveLab, described

pytestmark = pytest.mark.lab("httpbin", "protocols", "gateways")

EXERCISES = CONFIGS / "gateways" / "exercises"
HOST = "httpbin.example.com"
NO_CHAIN = ("ConnectionResetError", "SSLEOFError", "SSLZeroReturnError")
"""What a client sees when no filter chain is for its name: the connection ends, without an alert."""


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Who signs the gateways' certificates."""
    return Issuer.new()


def https(host: str, tls: str, name: str = "https") -> str:
    """An HTTPS server for one host."""
    return server(443, "HTTPS", host, tls, name)


def test_https_with_the_certificate_of_a_secret(lab: LiveLab, issuer: Issuer) -> None:
    with lab.rules(EXERCISES / "02-tls", issuer.secret("httpbin-credential", HOST)):
        reply = visit(lab, HOST, tls=True, path="/headers", alpn=["http/1.1"])
        upgraded = visit(
            lab, HOST, tls=True, path="/headers", alpn=["http/1.1"], versions=["TLSv1_2", "TLSv1_2"]
        )
        stranger = visit(lab, "other.example.com", tls=True)
        nameless = visit(lab, HOST, tls=True, sni="")
        crossed = visit(lab, HOST, tls=True, headers={"host": "other.example.com"})
        plain = visit(lab, HOST, path="/headers?a=b")
    assert (reply.status, reply.names, reply.protocol, reply.alpn) == (200, [HOST], "TLSv1.3", "http/1.1")
    assert reply.json()["headers"]["x-forwarded-proto"] == "https"
    assert (upgraded.status, upgraded.protocol) == (200, "TLSv1.2")
    assert stranger.error.startswith(NO_CHAIN)
    assert nameless.error.startswith(NO_CHAIN)
    assert crossed.status == 404
    assert (plain.status, plain.headers["location"]) == (301, f"https://{HOST}/headers?a=b")


def test_http2_is_offered(lab: LiveLab, issuer: Issuer) -> None:
    with lab.rules(EXERCISES / "02-tls", issuer.secret("httpbin-credential", HOST)):
        reply = visit(lab, HOST, tls=True, alpn=["h2", "http/1.1"], say="")
    assert reply.alpn == "h2"


def test_several_certificates_on_one_port_by_sni(lab: LiveLab, issuer: Issuer) -> None:
    rules = [
        gateway("one", https("one.example.com", "mode: SIMPLE, credentialName: one", "https-one")),
        gateway("any", https("'*.example.com'", "mode: SIMPLE, credentialName: any", "https-any")),
        virtual_service("to-one", "one.example.com", "one"),
        virtual_service("to-any", "'*.example.com'", "any"),
        issuer.secret("one", "one.example.com"),
        issuer.secret("any", "*.example.com"),
    ]
    with lab.rules(*rules):
        seen = {host: visit(lab, f"{host}.example.com", tls=True) for host in ("one", "two", "a.b")}
    assert {host: (found.status, found.names) for host, found in seen.items()} == {
        "one": (200, ["one.example.com"]),
        "two": (200, ["*.example.com"]),
        "a.b": (200, ["*.example.com"]),
    }


def test_a_second_gateway_with_the_same_host_on_a_port_changes_nothing(lab: LiveLab, issuer: Issuer) -> None:
    secrets = [issuer.secret(name, f"{name}.example.com") for name in ("older", "newer")]
    older = gateway("a-older", https("one.example.com", "mode: SIMPLE, credentialName: older", "https-a"))
    newer = gateway(
        "b-newer", https("one.example.com, two.example.com", "mode: SIMPLE, credentialName: newer", "https-b")
    )
    bound = [virtual_service(f"to-{name}", "'*'", name) for name in ("a-older", "b-newer")]
    with lab.rules(*secrets, older, *bound), lab.rules(newer):
        one, two = (visit(lab, f"{n}.example.com", tls=True) for n in ("one", "two"))
    assert (one.status, one.names) == (200, ["older.example.com"])
    assert two.error.startswith(NO_CHAIN)


def test_a_server_without_its_secret_serves_nobody_until_it_is_there(lab: LiveLab, issuer: Issuer) -> None:
    with lab.rules(
        gateway("g", https(HOST, "mode: SIMPLE, credentialName: late")), virtual_service("g", HOST, "g")
    ):
        assert visit(lab, HOST, tls=True).error
        with lab.rules(issuer.secret("late", HOST)):
            assert visit(lab, HOST, tls=True).status == 200


def test_the_lowest_and_highest_version_are_kept(lab: LiveLab, issuer: Issuer) -> None:
    modern = https(HOST, "mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_3", "https-modern")
    old = https(
        "old.example.com",
        "mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_2",
        "https-old",
    )
    with lab.rules(
        gateway("versions", modern, old),
        virtual_service("versions", f"{HOST}, old.example.com", "versions"),
        issuer.secret("c", HOST, "old.example.com"),
    ):
        too_old = visit(lab, HOST, tls=True, versions=["TLSv1_2", "TLSv1_2"])
        new = visit(lab, HOST, tls=True)
        capped = visit(lab, "old.example.com", tls=True)
        too_new = visit(lab, "old.example.com", tls=True, versions=["TLSv1_3", "TLSv1_3"])
    assert "PROTOCOL_VERSION" in too_old.error.upper().replace(" ", "_")
    assert (new.status, new.protocol) == (200, "TLSv1.3")
    assert (capped.status, capped.protocol) == (200, "TLSv1.2")
    assert "PROTOCOL_VERSION" in too_new.error.upper().replace(" ", "_")


def openssl(lab: LiveLab, host: str, *options: str) -> str:
    """What `openssl s_client` tells of a connection to the gateway."""
    connect = ("-connect", f"{host}:443", "-servername", host)
    command = lab.outside.entrance("visitor.outside", ["openssl", "s_client", *connect, *options])
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_openssl_sees_the_certificate_the_protocol_and_the_cipher(lab: LiveLab, issuer: Issuer) -> None:
    cipher = "ECDHE-ECDSA-AES256-GCM-SHA384"
    tls = f"mode: SIMPLE, credentialName: c, maxProtocolVersion: TLSV1_2, cipherSuites: [{cipher}]"
    with lab.rules(gateway("c", https(HOST, tls)), virtual_service("c", HOST, "c"), issuer.secret("c", HOST)):
        served = visit(lab, HOST, tls=True).served
        good = openssl(lab, HOST)
        refused = openssl(lab, HOST, "-tls1_3")
        stranger = openssl(lab, "other.example.com")
    shown = x509.load_pem_x509_certificate(good[good.index("-----BEGIN") :].encode())
    assert shown.serial_number == served.serial_number
    assert f"Cipher is {cipher}" in good
    assert "TLSv1.2" in good
    assert "alert protocol version" in refused
    assert "no peer certificate available" in stranger


def test_a_server_shows_the_kind_of_certificate_that_a_client_takes(lab: LiveLab, issuer: Issuer) -> None:
    """credentialNames: an ECDSA and an RSA certificate of one host."""
    old = ["TLSv1_2", "TLSv1_2"]
    chain, key = issuer.pair(HOST, kind="rsa-2048")
    with lab.rules(
        gateway("two", https(HOST, "mode: SIMPLE, credentialNames: [elliptic, rsa]")),
        virtual_service("two", HOST, "two"),
        issuer.secret("elliptic", HOST),
        secret("rsa", "kubernetes.io/tls", {"tls.crt": chain, "tls.key": key}),
    ):
        seen = [
            visit(lab, HOST, tls=True, versions=old, ciphers=f"ECDHE-{kind}-AES128-GCM-SHA256")
            for kind in ("ECDSA", "RSA")
        ]
    assert [each.status for each in seen] == [200, 200]
    shown = [each.served.public_key() for each in seen]
    assert [isinstance(each, rsa.RSAPublicKey) for each in shown] == [False, True], shown


def test_only_the_ciphers_named_are_used(lab: LiveLab, issuer: Issuer) -> None:
    cipher, other = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
    old = ["TLSv1_2", "TLSv1_2"]
    with lab.rules(
        gateway("c", https(HOST, f"mode: SIMPLE, credentialName: c, cipherSuites: [{cipher}]")),
        virtual_service("c", HOST, "c"),
        issuer.secret("c", HOST),
    ):
        chosen = visit(lab, HOST, tls=True, versions=old)
        refused = visit(lab, HOST, tls=True, versions=old, ciphers=other)
    assert (chosen.status, chosen.cipher) == (200, cipher)
    assert "HANDSHAKE_FAILURE" in refused.error.upper().replace(" ", "_")


@pytest.mark.parametrize(("mode", "anonymous"), [("MUTUAL", 0), ("OPTIONAL_MUTUAL", 200)])
def test_clients_show_a_certificate(
    lab: LiveLab, issuer: Issuer, tmp_path: Path, mode: str, anonymous: int
) -> None:
    clients, strangers = Issuer.new(), Issuer.new()
    with lab.rules(
        gateway("m", https(HOST, f"mode: {mode}, credentialName: m")),
        virtual_service("m", HOST, "m"),
        issuer.secret("m", HOST, roots=clients),
    ):
        known = clients.credential(tmp_path, "friend.example")
        welcome = visit(lab, HOST, tls=True, path="/headers", credential=known)
        stranger = visit(lab, HOST, tls=True, credential=strangers.credential(tmp_path, "enemy.example"))
        nobody = visit(lab, HOST, tls=True)
    assert (welcome.status, nobody.status) == (200, anonymous)
    assert "friend.example" in welcome.json()["headers"]["x-forwarded-client-cert"]
    assert stranger.status == 0
    assert "ALERT" in stranger.error.upper() or stranger.error.startswith(NO_CHAIN)


def test_tls_passes_through_unopened(lab: LiveLab) -> None:
    rules = (
        "tls: [{match: [{port: 443, sniHosts: [through.example.com]}],"
        " route: [{destination: {host: tls-echo.default.svc.cluster.local, port: {number: 9443}}}]}]"
    )
    with lab.rules(
        gateway("through", server(443, "TLS", "through.example.com", "mode: PASSTHROUGH")),
        virtual_service("through", "through.example.com", "through", rules),
    ):
        echo = visit(lab, "through.example.com", tls=True, say="hello")
        other = visit(lab, "other.example.com", tls=True, say="hello")
    assert echo.names == ["tls-echo"]
    assert echo.body == "tls-echo\nhello"
    assert other.error.startswith(NO_CHAIN)


def test_tls_passes_through_to_the_service_that_the_sni_names(lab: LiveLab, tmp_path: Path) -> None:
    """AUTO_PASSTHROUGH: how meshes of several networks reach each other, with the clients' own identities."""
    mesh = lab_issuer(lab)
    credential = mesh.credential(tmp_path, "spiffe://cluster.local/ns/far/sa/away")
    with lab.rules(gateway("cross", server(15443, "TLS", "'*.local'", "mode: AUTO_PASSTHROUGH"))):

        def there(service: str, port: int) -> dict[str, object]:
            sni = f"outbound_.{port}_._.{service}.default.svc.cluster.local"
            return {
                "tls": True,
                "port": 15443,
                "sni": sni,
                "credential": credential,
                "alpn": ["istio-http/1.1"],
            }

        reply = visit(lab, "mesh.example.com", path="/headers", **there("httpbin", 8000))
        missing = visit(lab, "mesh.example.com", **there("httpbin", 8001))
    assert reply.names == ["spiffe://cluster.local/ns/default/sa/httpbin"]
    assert reply.status == 200
    assert "URI=spiffe://cluster.local/ns/far/sa/away" in reply.json()["headers"]["x-forwarded-client-cert"]
    assert missing.error.startswith(NO_CHAIN)


def test_the_gateway_shows_its_identity_of_the_mesh(lab: LiveLab, tmp_path: Path) -> None:
    """ISTIO_MUTUAL: only workloads of the mesh get in."""
    credential = lab_issuer(lab).credential(tmp_path, "spiffe://cluster.local/ns/far/sa/away")
    with lab.rules(gateway("own", https(HOST, "mode: ISTIO_MUTUAL")), virtual_service("own", HOST, "own")):
        member = visit(lab, HOST, tls=True, path="/headers", credential=credential)
        stranger = visit(lab, HOST, tls=True)
    account = "spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
    assert (member.status, member.names) == (200, [account])
    assert stranger.status == 0


def lab_issuer(lab: LiveLab) -> Issuer:
    """The lab's own authority."""
    return Issuer(authority_store.authority(lab.state.keys, datetime.now(UTC)))


def test_a_secret_changed_under_load_is_taken_up_and_no_request_fails(lab: LiveLab, issuer: Issuer) -> None:
    visitor = lab.caller("visitor", "outside")
    with lab.rules(EXERCISES / "02-tls", issuer.secret("httpbin-credential", HOST)):
        serials = [visit(lab, HOST, tls=True).served.serial_number]
        with (
            visitor.loop(f"https://{HOST}/status/200", keep_alive=False, pause=0.0) as fresh,
            visitor.loop(f"https://{HOST}/status/200", bodies=False) as kept,
        ):
            for _ in range(3):
                fresh.more(10)
                lab.apply(issuer.secret("httpbin-credential", HOST))
                serials.append(visit(lab, HOST, tls=True).served.serial_number)
            fresh.more(10)
            kept.more(10)
    assert len(set(serials)) == 4
    assert {reply.status for reply in fresh.replies + kept.replies} == {200}


def test_a_broken_secret_is_refused_and_the_last_good_certificate_stays(lab: LiveLab, issuer: Issuer) -> None:
    """istiod sends it like any other, and so do we: Envoy's refusal tells what is wrong with it."""
    good = issuer.secret("httpbin-credential", HOST)
    broken = secret("httpbin-credential", "kubernetes.io/tls", {"tls.crt": "no", "tls.key": "no"})
    with lab.rules(EXERCISES / "02-tls", good):
        before = visit(lab, HOST, tls=True).served.serial_number
        lab.outside.apply(described([broken]))
        try:
            assert "certificate chain" in refusal(lab)
            assert visit(lab, HOST, tls=True).served.serial_number == before
        finally:
            lab.apply(good)


def refusal(lab: LiveLab) -> str:
    """What a proxy says of the first thing that it refuses."""
    end = time.monotonic() + SECONDS_TO_SETTLE
    while time.monotonic() < end:
        for row in lab.pages.get("/debug/syncz").json():
            for kind in row["resources"].values():
                if kind["status"] == "NACKED":
                    return str(kind["lastError"])
        time.sleep(INTERVAL)
    raise AssertionError("nobody refuses anything")
