"""CUSTOM on a real Envoy: what the authorizer is asked about, over HTTP and gRPC, and what follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import httpx
import pytest
from envoy.service.auth.v3 import external_auth_pb2
from google.rpc import code_pb2

from integration.security.envoys import SECONDS, envoy, listener
from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.config import of_text
from miniistiod.generate.authorization_filters import custom_http_filters, local_http_filters
from miniistiod.generate.authorization_providers import providers
from miniistiod.translate.mesh_config.collector import Collector
from tests.support.ports import free_ports

DOMAINS = ("cluster.local",)
METHOD = "/envoy.service.auth.v3.Authorization/Check"


def policies(provider: str) -> str:
    """CUSTOM for /private*, DENY for *.secret, nothing else."""
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: ask, namespace: shop}}
spec:
  action: CUSTOM
  provider: {{name: {provider}}}
  rules: [{{to: [{{operation: {{paths: [/private*]}}}}]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: never, namespace: shop}}
spec: {{action: DENY, rules: [{{to: [{{operation: {{paths: ['*.secret']}}}}]}}]}}
"""


class Authorizer(BaseHTTPRequestHandler):
    """Lets pass who says x-user: alice."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(200 if self.headers.get("x-user") == "alice" else 418)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class HttpAuthorizer(Authorizer):
    asked: list[str] = []  # noqa: RUF012


def grpc_authorizer(asked: list[str]) -> tuple[grpc.Server, int]:
    """The same over gRPC."""

    def check(request: Any, context: Any) -> Any:
        http = request.attributes.request.http
        asked.append(http.path)
        response = external_auth_pb2.CheckResponse()
        response.status.code = (
            code_pb2.OK if http.headers.get("x-user") == "alice" else code_pb2.PERMISSION_DENIED
        )
        return response

    handler = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=external_auth_pb2.CheckRequest.FromString,
        response_serializer=external_auth_pb2.CheckResponse.SerializeToString,
    )
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service, name = METHOD[1:].split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def cluster(name: str, port: int, http2: bool) -> Mapping[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    made: dict[str, Any] = {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}
    return {**made, "http2_protocol_options": {}} if http2 else made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, tuple[int, list[str]]]]:
    """A listener for each provider: {name: (port, what its authorizer was asked)}."""
    app = ThreadingHTTPServer(("127.0.0.1", 0), HttpAuthorizer)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    over_grpc: list[str] = []
    server, grpc_port = grpc_authorizer(over_grpc)
    mesh = MeshConfig()
    http, rpc, down = (mesh.extension_providers.add(name=n) for n in ("over-http", "over-grpc", "down"))
    http.envoy_ext_authz_http.service, http.envoy_ext_authz_http.port = "http.example", 80
    http.envoy_ext_authz_http.path_prefix = "/check"
    http.envoy_ext_authz_http.include_request_headers_in_check.append("x-user")
    rpc.envoy_ext_authz_grpc.service, rpc.envoy_ext_authz_grpc.port = "grpc.example", 80
    down.envoy_ext_authz_http.service, down.envoy_ext_authz_http.port = "down.example", 80
    down.envoy_ext_authz_http.status_on_error = "503"
    usable = providers(mesh.extension_providers, lambda name, port: Collector(name, name))
    asked = {"over-http": HttpAuthorizer.asked, "over-grpc": over_grpc, "down": [], "unknown": []}
    ports = dict(zip(asked, free_ports(len(asked)), strict=True))
    listeners = []
    for name, port in ports.items():
        found = of_text(policies(name)).of(AuthorizationPolicy)
        filters = (*custom_http_filters(found, DOMAINS, usable), *local_http_filters(found, DOMAINS))
        listeners.append(listener(port, filters, None))
    clusters = [
        cluster("http.example", app.server_address[1], False),
        cluster("grpc.example", grpc_port, True),
        cluster("down.example", free_ports(1)[0], False),
    ]
    config = {"static_resources": {"listeners": listeners, "clusters": clusters}}
    with envoy(tmp_path_factory.mktemp("envoy"), config, ports["unknown"]):
        yield {name: (port, asked[name]) for name, port in ports.items()}
    server.stop(0)
    app.shutdown()


def status(port: int, path: str, user: str = "") -> int:
    headers = {"x-user": user} if user else {}
    url = f"http://127.0.0.1:{port}{path}"
    return httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS).status_code


@pytest.mark.parametrize(("name", "refusal"), [("over-http", 418), ("over-grpc", 403)])
def test_only_matching_requests_are_asked_about_and_the_answer_counts(
    served: Mapping[str, tuple[int, list[str]]], name: str, refusal: int
) -> None:
    port, asked = served[name]
    assert status(port, "/public") == 200
    assert asked == []
    assert status(port, "/private/1", "alice") == 200
    assert status(port, "/private/2", "bob") == refusal
    assert [path.removeprefix("/check") for path in asked] == ["/private/1", "/private/2"]


@pytest.mark.parametrize("name", ["over-http", "over-grpc"])
def test_what_the_authorizer_allows_a_deny_policy_still_denies(
    served: Mapping[str, tuple[int, list[str]]], name: str
) -> None:
    port, asked = served[name]
    before = len(asked)
    assert status(port, "/private/a.secret", "alice") == 403
    assert len(asked) == before + 1
    assert status(port, "/public.secret", "alice") == 403
    assert len(asked) == before + 1


def test_an_authorizer_that_is_down_or_unknown_denies(served: Mapping[str, tuple[int, list[str]]]) -> None:
    for name, refusal in (("down", 503), ("unknown", 403)):
        port, _ = served[name]
        assert status(port, "/public") == 200
        assert status(port, "/private", "alice") == refusal
