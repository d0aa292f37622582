"""Faults, timeouts and retries; what was tried is counted at the servers."""

from __future__ import annotations

import itertools
import subprocess
import sys
import uuid

import pytest

from integration.traffic.rules import WEB, likely, routes, statuses, subsets
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("traffic")

TO_V1 = "route: [{destination: {host: web, subset: v1}}]"
SAY = """
import grpc
channel = grpc.insecure_channel("grpc-echo:7070")
try:
    print("OK", channel.unary_unary("/echo.Echo/Say")(b"hello", timeout=10).decode())
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""


def sent(lab: LiveLab, rule: str, path: str, count: int = 1, **order: object) -> tuple[list[Reply], int]:
    """The replies under a rule with one route to v1, and how many requests v1 has seen for them."""
    v1 = lab.app("web-v1")
    v1.clear()
    with lab.rules(subsets(), routes(f"- {TO_V1}\n{rule}")):
        replies = lab.client.send(WEB + path, count=count, **order)
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
    (reply,), seen = sent(lab, "  timeout: 200ms", "/delay/20", timeout=15)
    (entry,) = log.awaited(1)
    assert (reply.status, seen, entry["flags"], reply.body) == (504, 1, "UT", "upstream request timeout")
    assert reply.seconds >= 0.2


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


def status_with_own_timeout(lab: LiveLab, milliseconds: int, path: str) -> int:
    """The status of a request that says how long it wants to wait, on a route with a timeout of 400 ms."""
    headers = {"x-envoy-upstream-rq-timeout-ms": str(milliseconds)}
    ((reply,), _) = sent(lab, "  timeout: 400ms", path, headers=headers)
    return reply.status


def test_a_callers_own_timeout_is_not_trusted_unless_its_proxy_is_told_to(lab: LiveLab) -> None:
    """The reference leaves use_remote_address off on sidecars, so Envoy drops the header of a caller."""
    assert status_with_own_timeout(lab, 5000, "/delay/0.8") == 504
    assert status_with_own_timeout(lab, 1, "/delay/0.1") == 200
    with lab.rules(TRUSTING):
        assert status_with_own_timeout(lab, 5000, "/delay/0.8") == 200
        assert status_with_own_timeout(lab, 1, "/delay/0.1") == 504


RETRIES = {
    "two by default, but not for a 503": ("", "/status/503", 503, 1),
    "none with attempts 0": ("  retries: {attempts: 0}", "/status/503", 503, 1),
    "one": ("  retries: {attempts: 1, retryOn: 5xx}", "/status/503", 503, 2),
    "three": ("  retries: {attempts: 3, retryOn: 5xx}", "/status/500", 500, 4),
    "by code": ("  retries: {attempts: 2, retryOn: '418'}", "/status/418", 418, 3),
    "by another code": ("  retries: {attempts: 2, retryOn: '418'}", "/status/503", 503, 1),
    "gateway errors": ("  retries: {attempts: 2, retryOn: gateway-error}", "/status/502", 502, 3),
    "no gateway error": ("  retries: {attempts: 2, retryOn: gateway-error}", "/status/500", 500, 1),
    "4xx means conflicts only": ("  retries: {attempts: 2, retryOn: retriable-4xx}", "/status/409", 409, 3),
    "no conflict": ("  retries: {attempts: 2, retryOn: retriable-4xx}", "/status/404", 404, 1),
    "each try has its time": (
        "  retries: {attempts: 2, retryOn: 5xx, perTryTimeout: 150ms}",
        "/delay/20",
        504,
        3,
    ),
    "a success ends it": ("  retries: {attempts: 5, retryOn: 5xx}", "FLAKY", 200, 3),
}


@pytest.mark.parametrize(("rule", "path", "status", "tries"), RETRIES.values(), ids=RETRIES)
def test_retries_are_seen_at_the_server(lab: LiveLab, rule: str, path: str, status: int, tries: int) -> None:
    (reply,), seen = sent(lab, rule, flaky(2) if path == "FLAKY" else path)
    assert (reply.status, seen) == (status, tries)


def test_a_timeout_holds_for_all_tries_together(lab: LiveLab) -> None:
    rule = "  timeout: 400ms\n  retries: {attempts: 10, retryOn: 5xx, perTryTimeout: 150ms}"
    (reply,), seen = sent(lab, rule, "/delay/20")
    assert reply.status == 504
    assert 2 <= seen <= 4


def test_retries_back_off(lab: LiveLab) -> None:
    """The n-th wait is random, up to (2^n - 1) times the base: all five below it together are 1 in 10^5."""
    rule = "  retries: {attempts: 5, retryOn: 5xx, backoff: 200ms}"
    v1 = lab.app("web-v1")
    _, seen = sent(lab, rule, "/status/503")
    times = [request["at"] for request in v1.requests]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert seen == 6
    assert sum(waits) > 0.2


def test_a_connection_that_fails_is_tried_twice_more_by_default(lab: LiveLab) -> None:
    """Istio's own two retries: nothing was sent yet, so nothing can be done twice."""
    log = lab.access_log("client")
    rule = "- route: [{destination: {host: closed.test, port: {number: 9000}}}]"
    with lab.rules(closed_port(), routes(rule)):
        (reply,) = lab.client.send(f"{WEB}/hostname")
        retries = retried(lab)
    (entry,) = log.awaited(1)
    assert (reply.status, entry["flags"], retries) == (503, "URX,UF", 2)


def closed_port() -> str:
    """A service whose only endpoint has nobody listening."""
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: closed}\nspec:\n"
        "  hosts: [closed.test]\n  ports: [{number: 9000, name: http, protocol: HTTP}]\n"
        "  resolution: STATIC\n  endpoints: [{address: 10.244.0.1, ports: {http: 9}}]\n"
    )


def retried(lab: LiveLab) -> int:
    """The retries of the client's proxy to the closed port, so far."""
    lines = lab.proxy("client", "/stats?filter=closed.test").splitlines()
    return sum(int(line.rpartition(": ")[2]) for line in lines if ".upstream_rq_retry:" in line)
