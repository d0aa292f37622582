"""Faults, timeouts and retries; what was tried is counted at the servers."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest

from integration.traffic.rules import WEB, likely, pod, routes, statuses, subsets
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("traffic")

TO_V1 = "route: [{destination: {host: web, subset: v1}}]"
SAY = """
import grpc, sys
channel = grpc.insecure_channel("grpc-echo:7070")
wish = (("fail-with", sys.argv[1]),) if sys.argv[1:] else ()
try:
    print("OK", channel.unary_unary("/echo.Echo/Say")(b"hello", timeout=60, metadata=wish).decode())
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""


def sent(
    lab: LiveLab, rule: str, path: str, count: int = 1, tries: int = 0, **order: object
) -> tuple[list[Reply], int]:
    """The replies under a rule with one route to v1, and how many requests v1 has seen for them: so many
    tries at least, of which those that were given up may come late.
    """
    v1 = lab.app("web-v1")
    v1.clear()
    with lab.rules(subsets(), routes(f"- {TO_V1}\n{rule}")):
        replies = lab.client.send(WEB + path, count=count, **order)
        v1.awaited(tries)
        return replies, v1.count


def flaky(failures: int) -> str:
    """A path that fails so many times, then works; a new one at each call."""
    return f"/flaky/{uuid.uuid4()}/{failures}"


def test_a_delay_holds_every_request_back(lab: LiveLab) -> None:
    log = lab.access_log("client")
    rule = "  fault: {delay: {percentage: {value: 100}, fixedDelay: 300ms}}"
    (reply,), seen = sent(lab, rule, "/hostname")
    (entry,) = log.awaited(1)
    assert (reply.status, seen, entry["flags"]) == (200, 1, "DI")
    assert reply.seconds >= 0.3


def test_a_delay_of_a_share_is_seen_in_that_share(lab: LiveLab) -> None:
    rule = "  fault: {delay: {percentage: {value: 25}, fixedDelay: 2ms}}"
    log = lab.access_log("client")
    sent(lab, rule, "/hostname", count=300, concurrency=4)
    delayed = sum(entry["flags"] == "DI" for entry in log.awaited(300))
    assert likely(delayed, 300, 0.25), delayed


@pytest.mark.parametrize("share", [10, 50, 100])
def test_an_abort_of_a_share_never_reaches_the_server(lab: LiveLab, share: int) -> None:
    rule = f"  fault: {{abort: {{percentage: {{value: {share}}}, httpStatus: 418}}}}"
    replies, seen = sent(lab, rule, "/hostname", count=300, concurrency=4)
    aborted = statuses(replies)[418]
    assert statuses(replies)[200] == seen == 300 - aborted
    assert likely(aborted, 300, share / 100), aborted


def test_a_fault_without_a_percentage_never_happens(lab: LiveLab) -> None:
    replies, seen = sent(lab, "  fault: {abort: {httpStatus: 418}}", "/hostname", count=20)
    assert (statuses(replies), seen) == ({200: 20}, 20)


def test_an_abort_with_a_grpc_status_is_told_to_grpc_callers(lab: LiveLab) -> None:
    rule = (
        "- fault: {abort: {percentage: {value: 100}, grpcStatus: RESOURCE_EXHAUSTED}}\n"
        "  route: [{destination: {host: grpc-echo}}]"
    )
    command = lab.outside.entrance("client", [sys.executable, "-c", SAY])
    with lab.rules(routes(rule, host="grpc-echo")):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("RESOURCE_EXHAUSTED")


def test_a_timeout_ends_a_request_that_takes_longer(lab: LiveLab) -> None:
    log = lab.access_log("client")
    (reply,), seen = sent(lab, "  timeout: 1s", "/delay/60", tries=1)
    (entry,) = log.awaited(1)
    assert (reply.status, seen, entry["flags"], reply.body) == (504, 1, "UT", "upstream request timeout")
    assert reply.seconds >= 1


def test_there_is_no_timeout_unless_one_is_set(lab: LiveLab) -> None:
    (reply,), _ = sent(lab, "", "/delay/1")
    assert reply.status == 200


MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
TRUSTING = f"""
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: trusting}}
spec:
  workloadSelector: {{labels: {{app: client}}}}
  configPatches:
  - applyTo: NETWORK_FILTER
    match:
      context: SIDECAR_OUTBOUND
      listener: {{filterChain: {{filter: {{name: envoy.filters.network.http_connection_manager}}}}}}
    patch:
      operation: MERGE
      value:
        typed_config:
          "@type": type.googleapis.com/{MANAGER}
          use_remote_address: true
          internal_address_config: {{cidr_ranges: [{{address_prefix: 10.0.0.0, prefix_len: 8}}]}}
"""
"""What PILOT_SIDECAR_USE_REMOTE_ADDRESS is for: the workload's own address counts as one to be trusted."""


def status_with_own_timeout(lab: LiveLab, milliseconds: int, path: str, timeout: str) -> int:
    """The status of a request that says how long it wants to wait, on a route with a timeout."""
    headers = {"x-envoy-upstream-rq-timeout-ms": str(milliseconds)}
    ((reply,), _) = sent(lab, f"  timeout: {timeout}", path, headers=headers)
    return reply.status


def test_a_callers_own_timeout_is_not_trusted_unless_its_proxy_is_told_to(lab: LiveLab) -> None:
    """The reference leaves use_remote_address off on sidecars, so Envoy drops the header of a caller."""
    assert status_with_own_timeout(lab, 60000, "/delay/60", "400ms") == 504
    assert status_with_own_timeout(lab, 1, "/delay/0.1", "60s") == 200
    with lab.rules(TRUSTING):
        assert status_with_own_timeout(lab, 60000, "/delay/0.8", "400ms") == 200
        assert status_with_own_timeout(lab, 1, "/delay/60", "60s") == 504


RETRIES = {
    "two by default, but not for a 503": ("", "/status/503", 503, 1),
    "one": ("  retries: {attempts: 1, retryOn: 5xx}", "/status/503", 503, 2),
    "three": ("  retries: {attempts: 3, retryOn: 5xx}", "/status/500", 500, 4),
    "by code": ("  retries: {attempts: 2, retryOn: '418'}", "/status/418", 418, 3),
    "by another code": ("  retries: {attempts: 2, retryOn: '418'}", "/status/503", 503, 1),
    "gateway errors": ("  retries: {attempts: 2, retryOn: gateway-error}", "/status/502", 502, 3),
    "no gateway error": ("  retries: {attempts: 2, retryOn: gateway-error}", "/status/500", 500, 1),
    "4xx means conflicts only": ("  retries: {attempts: 2, retryOn: retriable-4xx}", "/status/409", 409, 3),
    "no conflict": ("  retries: {attempts: 2, retryOn: retriable-4xx}", "/status/404", 404, 1),
    "each try has its time": (
        "  retries: {attempts: 2, retryOn: 5xx, perTryTimeout: 1s}",
        "/delay/60",
        504,
        3,
    ),
    "a success ends it": ("  retries: {attempts: 5, retryOn: 5xx}", "FLAKY", 200, 3),
}


@pytest.mark.parametrize(("rule", "path", "status", "tries"), RETRIES.values(), ids=RETRIES)
def test_retries_are_seen_at_the_server(lab: LiveLab, rule: str, path: str, status: int, tries: int) -> None:
    (reply,), seen = sent(lab, rule, flaky(2) if path == "FLAKY" else path, tries=tries)
    assert (reply.status, seen) == (status, tries)


def test_a_timeout_holds_for_all_tries_together(lab: LiveLab) -> None:
    rule = "  timeout: 2500ms\n  retries: {attempts: 10, retryOn: 5xx, perTryTimeout: 1s}"
    (reply,), seen = sent(lab, rule, "/delay/60", tries=2)
    assert reply.status == 504
    assert 2 <= seen <= 3


def test_retries_back_off(lab: LiveLab) -> None:
    """A wait is random, below twice the limit of the one before: 0.8 s before the third retry. By itself
    Envoy never waits longer than ten times 25 ms; that all twenty third waits are shorter is 1 in 10^10.
    """
    rule = "  retries: {attempts: 3, retryOn: 5xx, backoff: 200ms}"
    v1 = lab.app("web-v1")
    _, seen = sent(lab, rule, "/status/503", count=20, concurrency=20)
    times: dict[str, list[float]] = {}
    for request in v1.requests:
        times.setdefault(request["headers"]["x-request-id"], []).append(request["at"])
    assert seen == 80
    assert {len(tries) for tries in times.values()} == {4}
    assert max(tries[3] - tries[2] for tries in times.values()) > 0.25


def test_a_connection_that_fails_is_tried_twice_more_by_default(lab: LiveLab) -> None:
    """Istio's own two retries: nothing was sent yet, so nothing can be done twice."""
    log = lab.access_log("client")
    rule = "- route: [{destination: {host: closed.test, port: {number: 9000}}}]"
    with lab.rules(closed_port(), routes(rule)):
        (reply,) = lab.client.send(f"{WEB}/hostname")
        retries = retried(lab)
    (entry,) = log.awaited(1)
    assert (reply.status, entry["flags"], retries) == (503, "URX,UF", 2)


def test_a_connection_that_fails_is_not_tried_again_where_a_rule_says_so(lab: LiveLab) -> None:
    rule = "- route: [{destination: {host: closed.test, port: {number: 9000}}}]\n  retries: {attempts: 0}"
    with lab.rules(closed_port(), routes(rule)):
        before = retried(lab)
        (reply,) = lab.client.send(f"{WEB}/hostname")
        assert (reply.status, retried(lab)) == (503, before)


GRPC_RETRIES = {
    "two by default when unavailable": ("", "14", "UNAVAILABLE", 3),
    "none by default when not found": ("", "5", "NOT_FOUND", 1),
    "none with attempts 0": ("  retries: {attempts: 0}", "14", "UNAVAILABLE", 1),
    "by name": ("  retries: {attempts: 1, retryOn: resource-exhausted}", "8", "RESOURCE_EXHAUSTED", 2),
}


@pytest.mark.parametrize(("rule", "wish", "status", "tries"), GRPC_RETRIES.values(), ids=GRPC_RETRIES)
def test_retries_by_grpc_status(lab: LiveLab, rule: str, wish: str, status: str, tries: int) -> None:
    server = lab.app("grpc-echo")
    command = lab.outside.entrance("client", [sys.executable, "-c", SAY, wish])
    with lab.rules(routes(f"- route: [{{destination: {{host: grpc-echo}}}}]\n{rule}", host="grpc-echo")):
        server.clear()
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (said.split()[0], server.count) == (status, tries)


@pytest.mark.parametrize(("on", "tries"), [("", 1), ("reset", 3)])
def test_a_server_that_speaks_no_http_is_asked_again_only_where_a_rule_says_so(
    lab: LiveLab, on: str, tries: int
) -> None:
    rule = "- route: [{destination: {host: closed.test, port: {number: 9000}}}]\n"
    rule += f"  retries: {{attempts: 2, retryOn: {on}}}\n" if on else ""
    server = lab.app("talk-v1")
    with lab.rules(closed_port(pod(lab, "talk-v1"), 9000), routes(rule)):
        server.clear()
        (reply,) = lab.client.send(f"{WEB}/hostname")
        server.awaited(tries)
    assert (reply.status, server.count) == (502 if not on else reply.status, tries)


def closed_port(address: str = "10.244.0.1", port: int = 9) -> str:
    """An HTTP service whose only endpoint has nobody listening, unless told who is there."""
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: closed}\nspec:\n"
        "  hosts: [closed.test]\n  ports: [{number: 9000, name: http, protocol: HTTP}]\n"
        f"  resolution: STATIC\n  endpoints: [{{address: {address}, ports: {{http: {port}}}}}]\n"
    )


def retried(lab: LiveLab) -> int:
    """The retries of the client's proxy to the closed port, so far."""
    lines = lab.proxy("client", "/stats?filter=closed.test").splitlines()
    return sum(int(line.rpartition(": ")[2]) for line in lines if ".upstream_rq_retry:" in line)
