"""Connection pools that are full, servers that are taken out and come back."""

from __future__ import annotations

import re
import uuid

import pytest

from integration.traffic.rules import SUBSETS, WEB, busy, eventually, hosts, policy, routes, statuses
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

URL = f"{WEB}/hostname"
SERVERS = {"web-v1", "web-v2", "web-v3"}
PATHS = "- route: [{destination: {host: web}}]\n  retries: {attempts: 0}\n"
TO = "- route: [{destination: {host: web, subset: %s}}]\n  retries: {attempts: 0}\n"


def endpoints(lab: LiveLab, state: str, port: int = 8000, subset: str = "") -> int:
    """How many endpoints of web are in a state for the client's proxy, e.g. failed_outlier_check."""
    cluster = f"outbound|{port}|{subset}|web.default.svc.cluster.local::10."
    lines = lab.proxy("client", "/clusters").splitlines()
    return sum(state in line for line in lines if line.startswith(cluster) and "::health_flags::" in line)


def ejected(lab: LiveLab, count: int) -> None:
    """Wait until so many servers are taken out."""
    eventually(lambda: endpoints(lab, "failed_outlier_check") == count)


def failing(lab: LiveLab) -> bool:
    """Whether every server is taken out now, after each has had the chance to fail twice more."""
    lab.client.send(f"{WEB}/status/500", count=6)
    return endpoints(lab, "failed_outlier_check") == len(SERVERS)


POOLS = {
    "pending requests": ("{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}", 2),
    "requests": ("{http: {http2MaxRequests: 1}}", 1),
}


@pytest.mark.parametrize(("pool", "room"), POOLS.values(), ids=POOLS)
def test_what_does_not_fit_into_the_pool_is_refused(lab: LiveLab, pool: str, room: int) -> None:
    """There is `room` for one request at the only server, and for one that waits for its connection."""
    with lab.rules(policy(f"{{connectionPool: {pool}}}", more=SUBSETS), routes(TO % "v1")):
        with busy(lab, "web-v1", count=room):
            eventually(lambda: statistic(lab, "v1", "upstream_rq_pending_active") == room - 1)
            log = lab.access_log("client")
            crowd = lab.client.send(f"{WEB}/hostname", count=5, concurrency=5)
            refused = log.awaited(5)
        eventually(lambda: statuses(lab.client.send(f"{WEB}/hostname")) == {200: 1})
        alone = lab.client.send(f"{WEB}/hostname", count=5)
    assert (statuses(crowd), statuses(alone)) == ({503: 5}, {200: 5})
    assert {entry["flags"] for entry in refused} == {"UO"}
    assert {reply.headers["x-envoy-overloaded"] for reply in crowd} == {"true"}


def statistic(lab: LiveLab, subset: str, name: str) -> int:
    """A number that the client's proxy keeps of a subset of web."""
    page = lab.proxy("client", f"/stats?filter={name}$")
    found = re.search(rf"^cluster\.outbound\|8000\|{subset}\|web\.\S+\.{name}: (\d+)$", page, re.MULTILINE)
    return int(found[1]) if found else 0


def test_tcp_connections_beyond_the_limit_are_closed(lab: LiveLab) -> None:
    url = "tcp://talk:9000"
    with lab.rules(policy("{connectionPool: {tcp: {maxConnections: 1}}}", "talk")):
        with busy(lab, "talk-v1", "talk-v2", url=url, until="never"):
            crowd = lab.client.send(url, count=12, concurrency=12)
        eventually(lambda: lab.client.send(url)[0].body.startswith("talk-"))
    assert all(reply.error for reply in crowd)


def test_a_pool_of_a_subset_is_its_own(lab: LiveLab) -> None:
    more = SUBSETS.replace(
        "{name: v2, labels: {version: v2}}",
        "{name: v2, labels: {version: v2}, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}}",
    )
    with lab.rules(policy("", more=more)):
        with lab.rules(routes(TO % "v2")), busy(lab, "web-v2"):
            narrow = lab.client.send(URL, count=8, concurrency=4)
        with lab.rules(routes(TO % "v1")), busy(lab, "web-v1"):
            wide = lab.client.send(URL, count=8, concurrency=4)
    assert (statuses(narrow), statuses(wide)) == ({503: 8}, {200: 8})


ON_8002 = "{portLevelSettings: [{port: {number: 8002}, %s}]}"


def test_a_pool_of_a_port_is_its_own(lab: LiveLab) -> None:
    settings = ON_8002 % "connectionPool: {http: {http2MaxRequests: 1}}"
    with lab.rules(policy(settings), routes(PATHS)):
        with busy(lab, *SERVERS, url="http://web:8002/delay/600"):
            narrow = lab.client.send("http://web:8002/hostname", count=8)
        with busy(lab, *SERVERS):
            wide = lab.client.send(URL, count=8, concurrency=4)
    assert (statuses(narrow), statuses(wide)) == ({503: 8}, {200: 8})


def outliers(percent: int = 100, base: str = "180s", more: str = "") -> str:
    """web without a server that has failed twice in a row, in turns so that all of them are asked."""
    settings = (
        f"consecutive5xxErrors: 2, interval: 100ms, baseEjectionTime: {base}, maxEjectionPercent: {percent}"
    )
    return policy(f"{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{settings}{more}}}}}")


def test_servers_that_fail_are_taken_out_and_come_back(lab: LiveLab) -> None:
    log = lab.access_log("client")
    with lab.rules(outliers(base="3s"), routes(PATHS)):
        eventually(lambda: 503 in statuses(lab.client.send(f"{WEB}/status/500", count=6)))
        ejected(lab, 0)
        eventually(lambda: statuses(lab.client.send(URL)) == {200: 1})
        eventually(lambda: set(hosts(lab.client.send(URL, count=9))) == SERVERS)
    refused = [entry["flags"] for entry in log.entries() if entry["status"] == "503"]
    assert set(refused) == {"UH"}


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


TAKEN_OUT = "outlierDetection: {consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 180s"
ALL = f"{TAKEN_OUT}, maxEjectionPercent: 100}}"


def test_servers_are_taken_out_of_the_port_of_a_policy_only(lab: LiveLab) -> None:
    with lab.rules(policy(ON_8002 % ALL), routes(PATHS)):
        lab.client.send(f"{WEB}/status/500", count=30)
        eventually(lambda: statuses(lab.client.send("http://web:8002/status/500")) == {503: 1})
        assert statuses(lab.client.send(URL, count=30)) == {200: 30}


def test_servers_are_taken_out_of_the_subset_of_a_policy_only(lab: LiveLab) -> None:
    more = SUBSETS.replace("version: v2}}", f"version: v2}}, trafficPolicy: {{{ALL}}}}}")
    with lab.rules(policy("", more=more)):
        with lab.rules(routes(TO % "v2")):
            eventually(lambda: statuses(lab.client.send(f"{WEB}/status/500")) == {503: 1})
            assert statuses(lab.client.send(URL)) == {503: 1}
        with lab.rules(routes(TO % "v1")):
            assert statuses(lab.client.send(f"{WEB}/status/500", count=10)) == {500: 10}
            assert statuses(lab.client.send(URL, count=10)) == {200: 10}
        assert set(hosts(lab.client.send(URL, count=60))) == SERVERS


@pytest.mark.parametrize(("percent", "served"), [(0, 503), (50, 200)])
def test_with_too_few_healthy_servers_all_are_asked_again(lab: LiveLab, percent: int, served: int) -> None:
    """Below minHealthPercent Envoy stops to believe its own eyes; 0 means that it never does."""
    with lab.rules(outliers(more=f", minHealthPercent: {percent}"), routes(PATHS)):
        eventually(lambda: failing(lab))
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
