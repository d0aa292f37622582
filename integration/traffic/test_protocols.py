"""Protocols of the caller, the wire and the server: detected, upgraded, kept; and what is told of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from integration.traffic.rules import WEB, eventually, networking, policy, routes, statuses, subsets
from integration.traffic.test_faults import SAY
from integration.traffic.test_registry import mesh
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import AccessLog

pytestmark = pytest.mark.lab("traffic")

TO_V1 = "- route: [{destination: {host: web, subset: v1}}]"


def wire(lab: LiveLab, path: str, **order: object) -> tuple[str, str]:
    """The protocol between caller and its proxy, and that between the two proxies, for a request to v1."""
    out, into = lab.access_log("client"), lab.access_log("web-v1")
    (reply,) = lab.client.send(f"{WEB}{path}", **order)
    assert reply.status == 200, reply
    return out.entry(path)["protocol"], into.entry(path)["protocol"]


def test_http_is_detected_on_a_port_that_does_not_tell(lab: LiveLab) -> None:
    log = lab.access_log("client")
    (reply,) = lab.client.send("http://web:8001/anything/detected")
    assert reply.status == 200
    assert log.entry("/anything/detected")["cluster"] == "outbound|8001||web.default.svc.cluster.local"


def test_what_is_not_http_passes_a_port_that_does_not_tell(lab: LiveLab) -> None:
    """The caller's proxy logs it without a method; that the server's proxy, whose port is HTTP, answers 400
    shows that it was handed on as it was.
    """
    log = lab.access_log("client")
    (reply,) = lab.client.send("tcp://web:8001", content="nonsense\r\n\r\n", until="\r\n\r\n")
    entry = log.awaited(1)[0]
    assert (entry["method"], entry["cluster"]) == ("-", "outbound|8001||web.default.svc.cluster.local")
    assert reply.body.startswith("HTTP/1.1 400 Bad Request\r\n"), reply


def test_http2_is_understood_on_a_detected_port(lab: LiveLab) -> None:
    log = lab.access_log("client")
    (reply,) = lab.client.send("http://web:8001/anything/h2", http2=True)
    assert reply.status == 200
    assert log.entry("/anything/h2")["protocol"] == "HTTP/2"


def test_http2_is_spoken_to_the_server_only_where_a_rule_says_so(lab: LiveLab) -> None:
    more = {
        "plain": ("", False),
        "upgraded": ("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}", False),
        "kept": ("{connectionPool: {http: {useClientProtocol: true}}}", True),
    }
    found = {}
    with lab.rules(routes(TO_V1)):
        for name, (traffic, http2) in more.items():
            text = (
                subsets()
                if not traffic
                else policy(traffic, more="subsets: [{name: v1, labels: {version: v1}}]")
            )
            with lab.rules(text):
                found[name] = wire(lab, f"/anything/{name}", http2=http2)
    assert found == {
        "plain": ("HTTP/1.1", "HTTP/1.1"),
        "upgraded": ("HTTP/1.1", "HTTP/2"),
        "kept": ("HTTP/2", "HTTP/2"),
    }


def test_grpc_is_routed_as_http(lab: LiveLab) -> None:
    command = lab.outside.entrance("client", [sys.executable, "-c", SAY])
    refused = "- match: [{uri: {prefix: /echo.Echo/Say}}]\n  directResponse: {status: 403}"
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with lab.rules(routes(refused, host="grpc-echo")):
        denied = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["OK", "hello"]
    assert denied.split()[0] == "PERMISSION_DENIED"


UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: web:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HELLO = "\x81\x85\0\0\0\0hello"
"""One text frame, under a mask of zeros."""


def test_a_websocket_is_opened_and_echoes(lab: LiveLab) -> None:
    (reply,) = lab.client.send("tcp://web:8000", content=UPGRADE + HELLO, until="hello")
    head, _, frame = reply.body.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 101 ")
    assert "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert frame == "\x81\x05hello"


def lines(log: AccessLog, start: str) -> list[str]:
    """The log's lines that begin so, as soon as there is one."""
    eventually(lambda: any(line.startswith(start) for line in log.lines()))
    return [line for line in log.lines() if line.startswith(start)]


def test_an_access_log_has_the_format_of_the_mesh(lab: LiveLab) -> None:
    form = "own %REQ(:METHOD)% %REQ(X-USER)% %RESPONSE_CODE% %UPSTREAM_CLUSTER%\\n"
    with lab.rules(mesh(f'accessLogFormat: "{form}"')):
        log = lab.access_log("client")
        lab.client.send(f"{WEB}/hostname", headers={"x-user": "jason"})
        (line,) = lines(log, "own ")
    assert line == "own GET jason 200 outbound|8000||web.default.svc.cluster.local;"


def test_an_access_log_may_be_json(lab: LiveLab) -> None:
    with lab.rules(mesh("accessLogEncoding: JSON")):
        log = lab.access_log("client")
        lab.client.send(f"{WEB}/hostname", headers={"user-agent": "somebody"})
        entry = json.loads(lines(log, "{")[0])
    assert (entry["path"], entry["response_code"], entry["user_agent"]) == ("/hostname", 200, "somebody")
    assert entry["upstream_cluster"].startswith("outbound|8000||web.default.svc.cluster.local")


def test_a_telemetry_rule_logs_only_what_its_filter_wants(lab: LiveLab) -> None:
    telemetry = (
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: errors}\n"
        "spec:\n  selector: {matchLabels: {app: client}}\n"
        "  accessLogging:\n  - providers: [{name: envoy}]\n    filter: {expression: 'response.code >= 400'}\n"
    )
    with lab.rules(telemetry):
        log = lab.access_log("client")
        lab.client.send(f"{WEB}/status/200")
        lab.client.send(f"{WEB}/status/418")
        assert [entry["path"] for entry in log.awaited(1)] == ["/status/418"]


LIMIT = """
workloadSelector: {labels: {app: web, version: v1}}
configPatches:
- applyTo: HTTP_FILTER
  match:
    context: SIDECAR_INBOUND
    listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.http.local_ratelimit
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
        stat_prefix: limited
        token_bucket: {max_tokens: 5, tokens_per_fill: 5, fill_interval: 3600s}
        filter_enabled: {default_value: {numerator: 100}, runtime_key: limited}
        filter_enforced: {default_value: {numerator: 100}, runtime_key: limited}
        response_headers_to_add: [{header: {key: x-limited, value: "yes"}}]
"""


def test_a_local_rate_limit_lets_its_tokens_through(lab: LiveLab) -> None:
    with lab.rules(networking("EnvoyFilter", "limited", LIMIT, version="v1alpha3"), subsets(), routes(TO_V1)):
        replies = lab.client.send(f"{WEB}/hostname", count=12)
    assert statuses(replies) == {200: 5, 429: 7}
    assert {reply.headers.get("x-limited") for reply in replies if reply.status == 429} == {"yes"}
