"""Mutual TLS on real Envoys: every client mode against every server mode, as docs/mutual-tls.md shows it.

`python -m integration.security.test_mutual_tls` measures again and writes the page.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.security.mutual_tls import SENDERS, Receiver, Sender, outcome, receivers
from miniistiod.ca import keys
from miniistiod.ca.credential import credential
from miniistiod.ca.identity import Identity
from miniistiod.server import authority_store
from miniistiod.testing.live import LiveLab, running

pytestmark = pytest.mark.lab("security")

PAGE = Path(__file__).parents[2] / "docs/mutual-tls.md"
PARTNER = Identity("cluster.local", "partners", "partner")
SERVER = Identity("cluster.local", "default", "httpbin")
NO_AUTO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "{accessLogFile: /dev/stdout, enableAutoMtls: false}"}
"""

NUMBERS = itertools.count(1)
"""Each request has a path of its own, to be found in the access log."""

Measured = Mapping[Receiver, Mapping[Sender, str]]


def partner(lab: LiveLab) -> str:
    """A certificate of the mesh's authority in files, for MUTUAL: the fields that name them.

    The server's own name must be said: without, Envoy looks for the host's, which no mesh certificate has.
    """
    folder, now = lab.state.secrets, datetime.now(UTC)
    made = credential(
        authority_store.authority(lab.state.keys, now), PARTNER, keys.private_key(), now, timedelta(hours=1)
    )
    contents = {"chain.pem": made.chain_pem, "key.pem": made.key_pem, "roots.pem": made.roots_pem}
    for name, content in contents.items():
        authority_store.private_file(folder / name, content)
    files = f"clientCertificate: {folder}/chain.pem, privateKey: {folder}/key.pem"
    return f"{files}, caCertificates: {folder}/roots.pem, subjectAltNames: ['{SERVER.uri}']"


def services(lab: LiveLab) -> Iterator[str]:
    """For each client a Service of its own before the same servers, with the TLS it is to use.

    A connection is used once, so that none outlives the policy it was opened under.
    """
    once = "connectionPool: {http: {maxRequestsPerConnection: 1}}"
    more = {"SIMPLE": ", insecureSkipVerify: true", "MUTUAL": f", {partner(lab)}"}
    for server in ("httpbin", "legacy"):
        for sender in SENDERS:
            name = server + sender.suffix
            tls = f", tls: {{mode: {sender.tls}{more.get(sender.tls, '')}}}" if sender.tls else ""
            yield f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, trafficPolicy: {{{once}{tls}}}}}
"""
            if sender.tls:
                yield f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {server}}}
  ports: [{{name: http, port: 8000}}, {{name: http-admin, port: 8001}}]
"""


def asked(lab: LiveLab, sender: Sender, receiver: Receiver) -> str:
    """One request: plaintext, mTLS with which identity (told by the server), or refused with which flags."""
    host = ("httpbin" if receiver.sidecar else "legacy") + sender.suffix
    log, path = lab.access_log("client"), f"/headers?{next(NUMBERS)}"
    (reply,) = lab.caller(sender.workload).send(f"http://{host}:{receiver.called}{path}")
    if reply.status == 200:
        seen = reply.json()["headers"].get("x-forwarded-client-cert", "")
        found = re.search(r"URI=spiffe://cluster.local/ns/([^/]+)/sa/([^;,]+)", seen)
        return f"mTLS as {found[1]}/{found[2]}" if found else "plaintext"
    if sender.workload == "outsider":
        assert reply.status == 0, reply
        return "refused closed"
    return f"refused {reply.status} {log.entry(path)['flags']}"


def measured(lab: LiveLab) -> Measured:
    """The whole matrix."""
    found = {}
    with lab.rules(*services(lab)):
        for receiver in receivers():
            with lab.rules(*receiver.policies()):
                found[receiver] = {sender: asked(lab, sender, receiver) for sender in SENDERS}
    return found


def page(matrix: Measured) -> str:
    """The text of docs/mutual-tls.md."""
    head = PAGE_HEAD.format(
        titles=" | ".join(s.title for s in SENDERS), rules="|".join("---" for _ in SENDERS)
    )
    rows = "".join(
        f"| {r.title} | {r.mode} | {' | '.join(cells[s] for s in SENDERS)} |\n" for r, cells in matrix.items()
    )
    return head + rows


PAGE_HEAD = """# Mutual TLS: who reaches whom
Measured by `integration/security/test_mutual_tls.py` on stock Envoys; the test fails when this page says
something else. A row is what PeerAuthentication says at each level, and the mode that follows for the
port that is called; the server is `httpbin` with a sidecar, in the last rows `legacy` without one. A
column is a client: one without a sidecar, one with a sidecar and no `tls` in its DestinationRule (auto
mTLS), and those whose DestinationRule has that `tls.mode`. MUTUAL brings a certificate of the mesh's
authority that belongs to somebody else, `partners/partner`.

What to see in it:
- The mode of a port beats that of the workload, the workload's the namespace's, the namespace's the
  mesh's. UNSET asks the next level; when nobody says anything it is PERMISSIVE.
- Auto mTLS follows the server: it sends plaintext where mutual TLS is off. It knows this of workloads
  and ports from their endpoints. A namespace (or mesh) that says DISABLE makes all its services
  plaintext, so a STRICT workload in it is out of reach for auto mTLS; ISTIO_MUTUAL still reaches it.
- A `tls` in a DestinationRule is done whatever the server wants: DISABLE against STRICT is refused,
  ISTIO_MUTUAL against DISABLE too.
- TLS that is not the mesh's (SIMPLE, MUTUAL) finds no filter chain on a PERMISSIVE HTTP port. A STRICT
  port takes MUTUAL when the mesh's authority has signed the certificate, and sees that identity.
- `UF` (with `URX`, because Envoy tries three times): the connection did not come about. `UC`: it was
  closed once it stood. A client without Envoy only sees its connection closed; the server's access log
  has `NR filter_chain_not_found`.

| PeerAuthentication | in force | {titles} |
|---|---|{rules}|
"""


@pytest.fixture(scope="module")
def matrix(lab: LiveLab) -> Measured:
    return measured(lab)


def test_every_client_gets_what_istios_rules_imply(matrix: Measured) -> None:
    wanted = {receiver: {sender: outcome(sender, receiver) for sender in SENDERS} for receiver in receivers()}
    wrong = [
        f"{sender.title} to {receiver.title}: {found}, not {wanted[receiver][sender]}"
        for receiver, cells in matrix.items()
        for sender, found in cells.items()
        if found != wanted[receiver][sender]
    ]
    assert not wrong, "\n".join(wrong)
    assert len(matrix) == len(wanted)


def test_the_page_says_what_was_measured(matrix: Measured) -> None:
    assert PAGE.read_text() == page(matrix)


@pytest.mark.parametrize("mode", ["STRICT", "PERMISSIVE", "DISABLE"])
def test_without_auto_mtls_a_sidecar_sends_plaintext(lab: LiveLab, mode: str) -> None:
    receiver, sender = Receiver(namespace=mode), SENDERS[1]  # type: ignore[arg-type]
    with lab.rules(*services(lab), NO_AUTO, *receiver.policies()):
        assert asked(lab, sender, receiver) == outcome(sender, receiver, auto=False)


if __name__ == "__main__":
    with running("security") as own:
        PAGE.write_text(page(measured(own)))
