"""A real Envoy from a static configuration, and TLS for both sides of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.json_format import MessageToDict

from miniistiod.ca import authority as ca
from miniistiod.ca import keys
from miniistiod.ca.credential import Credential, credential
from miniistiod.ca.identity import Identity

TYPE = "type.googleapis.com/envoy.extensions"
SECONDS = 60
"""What an Envoy may take to start, to answer or to end on a busy machine."""


@dataclass(frozen=True)
class Pki:
    """One root, with certificates for whoever asks."""

    authority: ca.Authority

    @classmethod
    def new(cls) -> Pki:
        return cls(ca.self_signed(datetime.now(UTC), keys.private_key()))

    def credential(self, namespace: str, account: str) -> Credential:
        identity = Identity("cluster.local", namespace, account)
        return credential(self.authority, identity, keys.private_key(), datetime.now(UTC), timedelta(hours=1))

    def client(self, folder: Path, namespace: str, account: str) -> httpx.Client:
        """A client with a certificate; it does not ask who the server is."""
        own = self.credential(namespace, account)
        folder.mkdir(exist_ok=True)
        chain, key = folder / f"{namespace}-{account}.crt", folder / f"{namespace}-{account}.key"
        chain.write_bytes(own.chain_pem)
        key.write_bytes(own.key_pem)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(chain, key)
        return httpx.Client(verify=context, trust_env=False, timeout=SECONDS)


def server_tls(pki: Pki) -> Mapping[str, Any]:
    """A downstream TLS context that takes clients with and without certificates."""
    own = pki.credential("shop", "server")
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [
                    {
                        "certificate_chain": {"inline_string": own.chain_pem.decode()},
                        "private_key": {"inline_string": own.key_pem.decode()},
                    }
                ],
                "validation_context": {"trusted_ca": {"inline_string": own.roots_pem.decode()}},
            },
        },
    }


OK = {"direct_response": {"status": 200}}


def listener(
    port: int, filters: Sequence[Any], tls: Mapping[str, Any] | None, action: Mapping[str, Any] = OK
) -> Mapping[str, Any]:
    """Answers 200 to what passes the HTTP filters, or does `action` with it."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPE}.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "http_filters": [*(MessageToDict(f, preserving_proto_field_name=True) for f in filters), router],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, **action}],
                }
            ]
        },
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "name": f"listener-{port}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{**chain, **({"transport_socket": tls} if tls else {})}],
    }


@contextlib.contextmanager
def envoy(folder: Path, config: Mapping[str, Any], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An Envoy with this configuration, once it listens on the port."""
    binary = shutil.which("envoy") or str(Path(".venv/bin/envoy").resolve())
    file = folder / "envoy.json"
    file.write_text(json.dumps(config))
    with (folder / "envoy.log").open("wb") as log:
        command = [binary, "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for_port(process, port, folder / "envoy.log")
        yield process
    finally:
        process.terminate()
        process.wait(SECONDS)


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the port answers; fails with Envoy's own words."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"Envoy does not listen: {log.read_text()[-3000:]}")
