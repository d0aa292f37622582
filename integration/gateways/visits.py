"""Connections from a workload of a lab, and the certificates and Secrets that tests of gateways need."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from miniistiod.ca import authority, certificates, keys
from miniistiod.testing.live import LiveLab

PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Visit:
    """What one connection met. `status` is 0 when no reply came, and then there is an `error`."""

    status: int = 0
    error: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    protocol: str = ""
    cipher: str = ""
    alpn: str = ""
    certificate: str = ""

    @property
    def served(self) -> x509.Certificate:
        """The certificate that the server showed."""
        return x509.load_pem_x509_certificate(self.certificate.encode())

    @property
    def names(self) -> list[str]:
        """The DNS names and URIs in it."""
        return [str(name.value) for name in certificates.alternative_names(self.served)]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def visit(lab: LiveLab, host: str, port: int = 0, source: str = "visitor.outside", **order: Any) -> Visit:
    """One connection from `source`; with `tls` the port is 443 unless told, else 80. See probe.py."""
    order |= {"host": host, "port": port or (443 if order.get("tls") else 80)}
    command = lab.outside.entrance(source, [sys.executable, "-I", str(PROBE), json.dumps(order)])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Visit(**json.loads(done.stdout))


@dataclass(frozen=True)
class Issuer:
    """An authority of somebody's own."""

    authority: authority.Authority

    @classmethod
    def new(cls) -> Issuer:
        return cls(authority.self_signed(datetime.now(UTC), keys.private_key()))

    def pair(self, *names: str, kind: keys.Type = "ecdsa-p256") -> tuple[str, str]:
        """A certificate for these DNS names or spiffe:// identities, with its chain, and its key, as PEM."""
        key = keys.private_key(kind)
        wanted = tuple(
            x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name) for name in names
        )
        now = datetime.now(UTC)
        leaf = authority.leaf(self.authority, wanted, key.public_key(), now, timedelta(hours=1))
        chain = certificates.pem_of([leaf]) + self.authority.chain_pem
        return chain.decode(), keys.pem_of(key).decode()

    def credential(self, folder: Path, *names: str) -> str:
        """A file with certificate and key for a client, as probe.py takes it."""
        path = folder / f"{names[0].rpartition('/')[2]}.pem"
        path.write_text("".join(self.pair(*names)))
        return str(path)

    def secret(self, name: str, *names: str, roots: Issuer | None = None) -> str:
        """A Secret beside the ingress gateway with a certificate for these names, and roots for clients."""
        chain, key = self.pair(*names)
        more = {"ca.crt": roots.authority.roots_pem.decode()} if roots else {}
        return secret(name, "kubernetes.io/tls", {"tls.crt": chain, "tls.key": key, **more})


def secret(name: str, kind: str, data: dict[str, str]) -> str:
    """A Secret beside the gateways."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": "istio-system"}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": encoded}
    )


def gateway(name: str, *servers: str, namespace: str = "default", selector: str = "ingressgateway") -> str:
    """A Gateway on the ingress gateway, or on another, with these servers in YAML's short form."""
    return (
        "apiVersion: networking.istio.io/v1\nkind: Gateway\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{selector: {{istio: {selector}}}, servers: [{', '.join(servers)}]}}\n"
    )


def server(number: int, protocol: str, hosts: str, tls: str = "", name: str = "") -> str:
    """One server; `tls` is the inside of its settings."""
    settings = f", tls: {{{tls}}}" if tls else ""
    port = f"{{number: {number}, name: {name or protocol.lower()}, protocol: {protocol}}}"
    return f"{{port: {port}, hosts: [{hosts}]{settings}}}"


def virtual_service(name: str, hosts: str, gateways: str, rules: str = "", namespace: str = "default") -> str:
    """A VirtualService that sends everything to httpbin unless told otherwise."""
    rules = rules or "http: [{route: [{destination: {host: httpbin.default.svc.cluster.local}}]}]"
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{hosts: [{hosts}], gateways: [{gateways}], {rules}}}\n"
    )
