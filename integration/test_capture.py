"""Traffic is captured as Istio captures it, and every protocol gets through two sidecars."""

from __future__ import annotations

import subprocess
import sys

import pytest

from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("bookinfo", "httpbin", "protocols")

SAY = """
import grpc, sys
channel = grpc.insecure_channel("grpc-echo:7070")
say = channel.unary_unary("/echo.Echo/Say")
try:
    wish = (("fail-with", sys.argv[1]),) if sys.argv[1:] else ()
    reply, call = say.with_call(b"hello", timeout=60, metadata=wish)
    print("OK", reply.decode(), dict(call.initial_metadata())["hostname"])
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""
TALK = """
import socket, ssl, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
if sys.argv[3:]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sock = context.wrap_socket(sock, server_hostname=sys.argv[1])
file = sock.makefile("rwb")
name = file.readline().decode().strip()
file.write(b"over and out\\n"); file.flush()
print(name, file.readline().decode().strip())
"""


def run(lab: LiveLab, *words: str) -> str:
    """What a command prints inside the client's namespaces."""
    command = lab.outside.entrance("client", words)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_request_passes_both_sidecars(lab: LiveLab) -> None:
    out, into = lab.access_log("client"), lab.access_log("httpbin")
    (reply,) = lab.client.send("http://httpbin:8000/anything")
    (sent,), (received,) = out.awaited(1), into.awaited(1)
    assert reply.status == 200
    assert sent["id"] == received["id"]
    assert (sent["cluster"], received["cluster"]) == (
        "outbound|8000||httpbin.default.svc.cluster.local",
        "inbound|8000||",
    )


def test_the_application_sees_requests_from_its_own_sidecar_only(lab: LiveLab) -> None:
    httpbin = lab.app("httpbin")
    httpbin.clear()
    lab.client.send("http://httpbin:8000/ip")
    assert httpbin.requests[0]["peer"] == "127.0.0.6"


def test_a_workload_that_calls_its_own_service_goes_through_its_sidecar_twice(lab: LiveLab) -> None:
    log = lab.access_log("httpbin")
    command = lab.outside.entrance(
        "httpbin", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://httpbin:8000/ip"]
    )
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "200"
    assert {entry["cluster"] for entry in log.awaited(2)} == {
        "outbound|8000||httpbin.default.svc.cluster.local",
        "inbound|8000||",
    }


def test_loopback_and_the_proxys_own_ports_are_not_captured(lab: LiveLab) -> None:
    log = lab.access_log("client")
    ready = run(
        lab, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:15021/healthz/ready"
    )
    lab.client.send("http://httpbin:8000/ip")
    assert ready == "200"
    assert [entry["path"] for entry in log.awaited(1)] == ["/ip"]


def test_another_workloads_readiness_is_reached_past_its_inbound_capture(lab: LiveLab) -> None:
    address = next(p["address"] for p in lab.outside.ask("status")["pods"] if p["name"] == "httpbin")
    url = f"http://{address}:15021/healthz/ready"
    assert run(lab, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url) == "200"


def test_a_name_nobody_has_does_not_resolve(lab: LiveLab) -> None:
    (reply,) = lab.client.send("http://nobody:8000/")
    assert (reply.status, "ConnectError" in reply.error) == (0, True)


def test_tcp_gets_through(lab: LiveLab) -> None:
    assert run(lab, sys.executable, "-c", TALK, "tcp-echo", "9000") == "tcp-echo over and out"


def test_tls_of_the_application_gets_through(lab: LiveLab) -> None:
    assert run(lab, sys.executable, "-c", TALK, "tls-echo", "9443", "tls") == "tls-echo over and out"


def test_grpc_gets_through_with_its_status(lab: LiveLab) -> None:
    assert run(lab, sys.executable, "-c", SAY) == "OK hello grpc-echo"
    assert run(lab, sys.executable, "-c", SAY, "5") == "NOT_FOUND asked to fail with 5"


def test_trace_headers_reach_the_last_service(lab: LiveLab) -> None:
    ratings = lab.app("ratings-v1")
    ratings.clear()
    trace = {
        "x-request-id": "0f3c6c4e-8b7a-4a51-9d9e-0a4f5a3c2b1d",
        "x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7",
    }
    lab.client.send("http://productpage:9080/productpage", count=30, headers={**trace, "end-user": "jason"})
    assert ratings.count > 0
    for request in ratings.requests:
        assert request["headers"]["x-b3-traceid"] == trace["x-b3-traceid"]
        assert request["headers"]["end-user"] == "jason"


def test_a_proxy_has_proven_its_workloads_identity(lab: LiveLab) -> None:
    page = lab.pages.get("/debug/connections")
    clients = page.json()["clients"]
    identities = {
        c["connectionId"].split("~")[2]: c["identity"]
        for c in clients
        if c["connectionId"].startswith("sidecar")
    }
    assert identities["reviews-v2.default"] == "spiffe://cluster.local/ns/default/sa/bookinfo-reviews"
    assert "BEGIN" not in page.text
