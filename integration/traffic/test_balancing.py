"""Which server of a service gets a request: balancers, and hashes that keep a client at its server."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from integration.traffic.rules import WEB, busy, hosts, likely, policy, routes, subsets
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

URL = f"{WEB}/hostname"
SERVERS = {"web-v1", "web-v2", "web-v3"}


def test_round_robin_gives_each_its_turn(lab: LiveLab) -> None:
    with lab.rules(policy("{loadBalancer: {simple: ROUND_ROBIN}}")):
        seen = hosts(lab.client.send(URL, count=60))
    assert Counter(seen) == dict.fromkeys(SERVERS, 20)
    assert all(len(set(seen[start : start + 3])) == 3 for start in range(58))


def test_random_gives_each_its_share_in_no_order(lab: LiveLab) -> None:
    with lab.rules(policy("{loadBalancer: {simple: RANDOM}}")):
        seen = hosts(lab.client.send(URL, count=300, concurrency=4))
    assert all(likely(seen.count(server), 300, 1 / 3) for server in SERVERS), Counter(seen)
    assert any(len(set(seen[start : start + 3])) < 3 for start in range(298))


def test_least_request_avoids_a_server_that_is_busy(lab: LiveLab) -> None:
    """Of two servers picked at random the one with fewer requests gets it: a busy one gets what is left
    when it is picked twice, 1 in 9.
    """
    with lab.rules(policy("{loadBalancer: {simple: LEAST_REQUEST}}")), busy(lab, *SERVERS) as avoided:
        seen = hosts(lab.client.send(URL, count=180))
    assert likely(seen.count(avoided), 180, 1 / 9), (avoided, Counter(seen))
    assert set(seen) >= SERVERS - {avoided}


def callers(hash: str) -> list[dict[str, Any]]:
    """Orders of 12 different callers, told apart by what is hashed."""
    names = [f"user-{number}" for number in range(12)]
    if "Header" in hash:
        return [{"url": URL, "headers": {"x-user": name}} for name in names]
    if "Cookie" in hash:
        return [{"url": URL, "headers": {"cookie": f"user={name}"}} for name in names]
    return [{"url": f"{URL}?user={name}"} for name in names]


HASHES = (
    "{httpHeaderName: x-user}",
    "{httpQueryParameterName: user}",
    "{httpCookie: {name: user, ttl: 0s}}",
    "{httpHeaderName: x-user, maglev: {tableSize: 1009}}",
    "{httpHeaderName: x-user, ringHash: {minimumRingSize: 2048}}",
)


def homes(lab: LiveLab, hash: str) -> list[str]:
    """The one server of each caller."""
    found = []
    for order in callers(hash):
        (home,) = set(hosts(lab.client.send(count=3, keep_alive=False, **order)))
        found.append(home)
    return found


@pytest.mark.parametrize("hash", HASHES)
def test_a_caller_keeps_its_server(lab: LiveLab, hash: str) -> None:
    with lab.rules(policy(f"{{loadBalancer: {{consistentHash: {hash}}}}}")):
        first, again = homes(lab, hash), homes(lab, hash)
    assert first == again
    assert len(set(first)) > 1


def test_a_caller_without_a_cookie_gets_one_that_leads_back(lab: LiveLab) -> None:
    hash = "{httpCookie: {name: home, ttl: 60s, path: /}}"
    with lab.rules(policy(f"{{loadBalancer: {{consistentHash: {hash}}}}}")):
        (first,) = lab.client.send(URL)
        cookie = re.fullmatch(
            r'home="([0-9a-f]+)"; Max-Age=60; Path=/; HttpOnly', first.headers["set-cookie"]
        )
        assert cookie
        again = lab.client.send(URL, count=10, keep_alive=False, headers={"cookie": f"home={cookie[1]}"})
    assert set(hosts(again)) == set(hosts([first]))
    assert not [reply for reply in again if "set-cookie" in reply.headers]


@pytest.mark.parametrize("url", [URL, "tcp://talk:9000"])
def test_a_source_address_keeps_its_server(lab: LiveLab, url: str) -> None:
    host = url.partition("//")[2].partition(":")[0]
    with lab.rules(policy("{loadBalancer: {consistentHash: {useSourceIp: true}}}", host)):
        replies = lab.client.send(url, count=20, keep_alive=False)
    assert len({reply.body for reply in replies}) == 1
    assert replies[0].body


def test_only_the_callers_of_a_server_that_is_gone_move(lab: LiveLab) -> None:
    """When one of three is gone its callers move; of the others most stay, and all are back when it is."""
    hash = "{httpHeaderName: x-user}"
    names = "".join(
        f"  - {{address: {p['address']}, ports: {{http: 8000}}}}\n"
        for p in lab.outside.ask("status")["pods"]
        if p["name"].startswith("web-")
    )
    entry = (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ring}\nspec:\n"
        "  hosts: [ring.test]\n  addresses: [240.240.2.2]\n  location: MESH_INTERNAL\n"
        "  ports: [{number: 8000, name: http, protocol: HTTP}]\n  resolution: STATIC\n  endpoints:\n"
    )
    rules = policy(f"{{loadBalancer: {{consistentHash: {hash}}}, tls: {{mode: ISTIO_MUTUAL}}}}", "ring.test")
    url = "http://240.240.2.2:8000/hostname"
    orders = [{"url": url, "headers": {"x-user": f"user-{n}", "host": "ring.test:8000"}} for n in range(30)]

    def home(order: dict[str, Any]) -> str:
        return hosts(lab.client.send(**order))[0]

    with lab.rules(entry + names, rules):
        before = [home(order) for order in orders]
        fewer = "".join(line + "\n" for line in names.splitlines()[:2])
        with lab.rules(entry + fewer, rules):
            after = [home(order) for order in orders]
        again = [home(order) for order in orders]
    (gone,) = set(before) - set(after)
    assert again == before
    others = [(then, now) for then, now in zip(before, after, strict=True) if then != gone]
    assert sum(then == now for then, now in others) > len(others) / 2


def test_a_hash_of_a_subset_is_its_own(lab: LiveLab) -> None:
    text = """
subsets:
- {name: v1, labels: {version: v1}}
- name: all
  labels: {app: web}
  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}
"""
    rule = routes("- route: [{destination: {host: web, subset: all}}]")
    order = {"url": URL, "headers": {"x-user": "jason"}, "keep_alive": False}
    with lab.rules(policy("{loadBalancer: {simple: RANDOM}}", more=text)):
        assert len(set(hosts(lab.client.send(count=40, **order)))) > 1
        with lab.rules(rule):
            assert len(set(hosts(lab.client.send(count=20, **order)))) == 1


def test_a_policy_of_a_port_holds_on_that_port_only(lab: LiveLab) -> None:
    text = (
        "{loadBalancer: {simple: ROUND_ROBIN}, portLevelSettings: "
        "[{port: {number: 8002}, loadBalancer: {consistentHash: {httpHeaderName: x-user}}}]}"
    )
    with lab.rules(policy(text)):
        hashed = lab.client.send("http://web:8002/hostname", count=12, headers={"x-user": "jason"})
        turns = lab.client.send(URL, count=12, headers={"x-user": "jason"})
    assert len(set(hosts(hashed))) == 1
    assert Counter(hosts(turns)) == dict.fromkeys(SERVERS, 4)


def test_a_subset_leads_to_its_workloads(lab: LiveLab) -> None:
    with lab.rules(subsets(), routes("- route: [{destination: {host: web, subset: v3}}]")):
        assert set(hosts(lab.client.send(URL, count=20))) == {"web-v3"}
