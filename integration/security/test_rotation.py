"""Certificates that live for seconds, and a new root, on a real Envoy under load: no request may fail.

One Envoy talks mutual TLS to itself, a new handshake for each request, with the secrets of our SDS.
`python -m integration.security.test_rotation 600 20` runs it for ten minutes with certificates of 20 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from integration.security.envoys import SECONDS, TYPE, envoy, listener
from miniistiod.ca import authority as ca
from miniistiod.ca import keys
from miniistiod.ca.identity import Identity
from miniistiod.server import authority_store
from miniistiod.server.security import Security, SecurityOptions
from miniistiod.server.server import AdsServer
from tests.support.ports import free_ports

PACE = 0.01
"""Seconds between two requests: load, but not all that the machine has."""
LONGEST = 300

WEB = Identity("cluster.local", "shop", "web")
HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{TYPE}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
EACH_ITS_OWN_CONNECTION = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{TYPE}.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"max_requests_per_connection": 1},
        "explicit_http_config": {"http_protocol_options": {}},
    }
}


class NoMesh:
    """There is nothing but the workload's own secrets."""

    def resources(self, type_url: str) -> tuple[()]:
        return ()

    def snapshot(self, node: Any) -> NoMesh:
        return self


def secret(name: str, token: str) -> Mapping[str, Any]:
    """A secret from our SDS."""
    service = {
        "envoy_grpc": {"cluster_name": "sds-grpc"},
        "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
    }
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]}
    return {"name": name, "sds_config": {"api_config_source": source, "resource_api_version": "V3"}}


def tls(side: str, token: str) -> Mapping[str, Any]:
    """Mutual TLS with the workload's own secrets; the peer must have our identity."""
    names = {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": WEB.uri}}]}
    common = {
        "tls_certificate_sds_secret_configs": [secret("default", token)],
        "combined_validation_context": {
            "default_validation_context": names,
            "validation_context_sds_secret_config": secret("ROOTCA", token),
        },
    }
    config: dict[str, Any] = {
        "@type": f"{TYPE}.transport_sockets.tls.v3.{side}",
        "common_tls_context": common,
    }
    if side == "DownstreamTlsContext":
        config["require_client_certificate"] = True
        config["disable_stateless_session_resumption"] = True
    else:
        config["max_session_keys"] = 0
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def cluster(name: str, port: int, **more: Any) -> Mapping[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}, **more}


def configuration(security: Security, sds: int, front: int, back: int, admin: int) -> Mapping[str, Any]:
    """front (plaintext) → mutual TLS → back."""
    token = security.token(WEB)
    roots = {"trusted_ca": {"inline_string": security.roots_pem.decode()}}
    to_sds = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{TYPE}.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"validation_context": roots},
        },
    }
    metadata = {"NAMESPACE": WEB.namespace, "SERVICE_ACCOUNT": WEB.service_account}
    return {
        "node": {
            "id": "sidecar~127.0.0.1~web-0.shop~shop.svc.cluster.local",
            "cluster": "web",
            "metadata": metadata,
        },
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
        "static_resources": {
            "listeners": [
                listener(front, (), None, {"route": {"cluster": "self"}}),
                listener(back, (), tls("DownstreamTlsContext", token)),
            ],
            "clusters": [
                cluster(
                    "self",
                    back,
                    transport_socket=tls("UpstreamTlsContext", token),
                    typed_extension_protocol_options=EACH_ITS_OWN_CONNECTION,
                ),
                cluster("sds-grpc", sds, transport_socket=to_sds, typed_extension_protocol_options=HTTP2),
            ],
        },
    }


@contextlib.asynccontextmanager
async def serving(folder: Path, lifetime: timedelta) -> AsyncIterator[tuple[Security, AdsServer]]:
    """Our SDS, with an authority whose files the test may replace."""
    authority_store.written(folder / "own", ca.self_signed(datetime.now(UTC), keys.private_key()))
    options = SecurityOptions(folder / "state", folder / "own", lifetime, root_spread=lifetime / 2)
    security = Security(options, lambda: "cluster.local")
    server = AdsServer(NoMesh(), authorise=security.doorkeeper.authorise, visible=security.secrets.visible)
    server.listen("127.0.0.1:0", security.server_credentials())
    await server.start()
    server.source_changed()
    tasks = [asyncio.create_task(work) for work in security.work(server.source_changed)]
    try:
        yield security, server
    finally:
        for task in tasks:
            task.cancel()
        await server.stop(0)


@dataclass
class Seen:
    """What has come of the requests, and the serial numbers of the certificates that Envoy had meanwhile."""

    statuses: Counter[int] = field(default_factory=Counter)
    leaves: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)

    def note(self, certificates: Any) -> None:
        """What Envoy's admin interface says of its certificates now."""
        for each in certificates["certificates"]:
            self.leaves |= {c["serial_number"] for c in each.get("cert_chain", ())}
            self.roots |= {c["serial_number"] for c in each.get("ca_cert", ())}


async def scenario(folder: Path, lifetime: timedelta, enough: Callable[[Seen], bool]) -> Seen:
    """Requests until it is enough; a new root as soon as there has been a new certificate."""
    front, back, admin = free_ports(3)
    seen = Seen()
    async with serving(folder, lifetime) as (security, server):
        config = configuration(security, server.ports[0], front, back, admin)
        running = await asyncio.to_thread(lambda: contextlib.ExitStack())
        process = await asyncio.to_thread(running.enter_context, envoy(folder, config, back))
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
                await warmed(client, front)
                replaced, noted = False, 0.0
                while not enough(seen):
                    assert process.poll() is None
                    seen.statuses[(await client.get(f"http://127.0.0.1:{front}/")).status_code] += 1
                    await asyncio.sleep(PACE)
                    if time.monotonic() - noted > 0.5:
                        noted = time.monotonic()
                        seen.note((await client.get(f"http://127.0.0.1:{admin}/certs")).json())
                    if not replaced and len(seen.leaves) > 1:
                        replaced = True
                        own = ca.self_signed(datetime.now(UTC), keys.private_key())
                        authority_store.written(folder / "own", own)
        finally:
            await asyncio.to_thread(running.close)
    return seen


async def warmed(client: httpx.AsyncClient, port: int) -> None:
    """Until the secrets have come; requests count from then on."""
    async with asyncio.timeout(SECONDS):
        while (await client.get(f"http://127.0.0.1:{port}/")).status_code != 200:
            await asyncio.sleep(0)


def test_no_request_fails_while_certificates_and_the_root_are_renewed(tmp_path: Path) -> None:
    """A certificate is renewed after half of its life; the other half is for a busy machine."""
    end = time.monotonic() + LONGEST

    def enough(seen: Seen) -> bool:
        assert time.monotonic() < end, seen
        return seen.statuses[200] > 200 and len(seen.leaves) >= 4 and len(seen.roots) == 2

    seen = asyncio.run(scenario(tmp_path, timedelta(seconds=16), enough))
    assert set(seen.statuses) == {200}, seen


if __name__ == "__main__":
    seconds, life = (float(a) for a in sys.argv[1:])
    last = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as place:
        print(asyncio.run(scenario(Path(place), timedelta(seconds=life), lambda _: time.monotonic() > last)))
