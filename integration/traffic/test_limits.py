"""Connection pools that are full, servers that are taken out and come back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest

from integration.traffic.rules import SUBSETS, WEB, hosts, policy, routes, statuses
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

URL = f"{WEB}/hostname"
SERVERS = {"web-v1", "web-v2", "web-v3"}
SECONDS = 20.0
PATHS = "- route: [{destination: {host: web}}]\n  retries: {attempts: 0}\n"


def endpoints(lab: LiveLab, state: str, port: int = 8000, subset: str = "") -> int:
    """How many endpoints of web are in a state for the client's proxy, e.g. failed_outlier_check."""
    cluster = f"outbound|{port}|{subset}|web.default.svc.cluster.local::10."
    lines = lab.proxy("client", "/clusters").splitlines()
    return sum(state in line for line in lines if line.startswith(cluster) and "::health_flags::" in line)


def eventually(true: Callable[[], bool]) -> None:
    """Wait until it is true: Envoy tells its workers of healthy servers once a second."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end


def ejected(lab: LiveLab, count: int) -> None:
    """Wait until so many servers are taken out."""
    eventually(lambda: endpoints(lab, "failed_outlier_check") == count)


POOLS = {
    "pending requests": "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}",
    "requests": "{http: {http2MaxRequests: 1}}",
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_what_does_not_fit_into_the_pool_is_refused(lab: LiveLab, pool: str) -> None:
    log = lab.access_log("client")
    with lab.rules(policy(f"{{connectionPool: {pool}}}"), routes(PATHS)):
        crowd = lab.client.send(f"{WEB}/delay/0.3", count=12, concurrency=6)
        alone = lab.client.send(f"{WEB}/hostname", count=5)
    refused = [entry for entry in log.awaited(17) if entry["status"] == "503"]
    assert set(statuses(crowd)) == {200, 503}
    assert set(statuses(alone)) == {200}
    assert {entry["flags"] for entry in refused} == {"UO"}
    assert {reply.headers["x-envoy-overloaded"] for reply in crowd if reply.status == 503} == {"true"}


def test_tcp_connections_beyond_the_limit_are_closed(lab: LiveLab) -> None:
    with lab.rules(policy("{connectionPool: {tcp: {maxConnections: 1}}}", "talk")):
        greeted = {"content": "x" * 9 + "\n", "until": "x\n"}
        (alone,) = lab.client.send("tcp://talk:9000", **greeted)
        crowd = lab.client.send("tcp://talk:9000", count=12, concurrency=12, **greeted)
    assert alone.body.startswith("talk-")
    assert any(reply.error for reply in crowd)


def test_a_pool_of_a_subset_is_its_own(lab: LiveLab) -> None:
    more = SUBSETS.replace(
        "{name: v2, labels: {version: v2}}",
        "{name: v2, labels: {version: v2}, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}}",
    )
    one = "- route: [{destination: {host: web, subset: %s}}]\n  retries: {attempts: 0}\n"
    with lab.rules(policy("", more=more)):
        with lab.rules(routes(one % "v2")):
            narrow = lab.client.send(f"{WEB}/delay/0.3", count=8, concurrency=4)
        with lab.rules(routes(one % "v1")):
            wide = lab.client.send(f"{WEB}/delay/0.1", count=8, concurrency=4)
    assert set(statuses(narrow)) == {200, 503}
    assert set(statuses(wide)) == {200}


def outliers(percent: int = 100, base: str = "60s", more: str = "") -> str:
    """web without a server that has failed twice in a row, in turns so that all of them are asked."""
    settings = (
        f"consecutive5xxErrors: 2, interval: 100ms, baseEjectionTime: {base}, maxEjectionPercent: {percent}"
    )
    return policy(f"{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{settings}{more}}}}}")


def test_servers_that_fail_are_taken_out_and_come_back(lab: LiveLab) -> None:
    with lab.rules(outliers(base="2s"), routes(PATHS)):
        failing = lab.client.send(f"{WEB}/status/500", count=6)
        ejected(lab, 3)
        ejected(lab, 0)
        eventually(lambda: set(hosts(lab.client.send(URL, count=9))) == SERVERS)
    assert statuses(failing) == {500: 6}


def test_no_more_are_taken_out_than_the_percentage_allows(lab: LiveLab) -> None:
    with lab.rules(outliers(percent=34), routes(PATHS)):
        lab.client.send(f"{WEB}/status/500", count=30)
        ejected(lab, 1)
        eventually(lambda: len(set(hosts(lab.client.send(URL, count=20)))) == 2)
        assert endpoints(lab, "failed_outlier_check") == 1


def test_other_errors_do_not_count(lab: LiveLab) -> None:
    with lab.rules(outliers(), routes(PATHS)):
        lab.client.send(f"{WEB}/status/404", count=12)
        lab.client.send(f"{WEB}/flaky/{uuid.uuid4()}/1", count=3)
        assert set(hosts(lab.client.send(URL, count=30))) == {"web-v1", "web-v2", "web-v3"}
        assert endpoints(lab, "failed_outlier_check") == 0


@pytest.mark.parametrize(("percent", "served"), [(0, 503), (50, 200)])
def test_with_too_few_healthy_servers_all_are_asked_again(lab: LiveLab, percent: int, served: int) -> None:
    """Below minHealthPercent Envoy stops to believe its own eyes; 0 means that it never does."""
    with lab.rules(outliers(more=f", minHealthPercent: {percent}"), routes(PATHS)):
        lab.client.send(f"{WEB}/status/500", count=6)
        ejected(lab, 3)
        if served == 503:
            eventually(lambda: statuses(lab.client.send(URL)) == {503: 1})
        else:
            eventually(lambda: panicked(lab) > 0 or not lab.client.send(URL))
        log = lab.access_log("client")
        replies = lab.client.send(f"{URL}?after", count=10)
        assert statuses(replies) == {served: 10}
        assert log.entry("/hostname?after")["flags"] == ("UH" if served == 503 else "-")


def panicked(lab: LiveLab) -> int:
    """How often the client's proxy has asked servers of web that it had taken out."""
    lines = lab.proxy("client", "/stats?filter=lb_healthy_panic").splitlines()
    return sum(int(line.rpartition(": ")[2]) for line in lines if "|web." in line)
