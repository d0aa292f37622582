"""Where a route sends requests: weights, mirrors, delegates."""

from __future__ import annotations

from collections import Counter

import pytest

from integration.traffic.rules import WEB, eventually, hosts, likely, networking, routes, subsets
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")


def to(subset: str, weight: int) -> str:
    return f"  - {{destination: {{host: web, subset: {subset}}}, weight: {weight}}}\n"


@pytest.mark.parametrize("weights", [(90, 10, 0), (50, 30, 20), (1, 1, 2), (0, 100, 0)])
def test_each_subset_gets_its_weight(lab: LiveLab, weights: tuple[int, ...]) -> None:
    split = "".join(to(f"v{number}", weight) for number, weight in enumerate(weights, 1))
    with lab.rules(subsets(), routes(f"- route:\n{split}")):
        seen = Counter(hosts(lab.client.send(f"{WEB}/hostname", count=500, concurrency=4)))
    assert sum(seen.values()) == 500
    for number, weight in enumerate(weights, 1):
        assert likely(seen[f"web-v{number}"], 500, weight / sum(weights)), seen


def test_a_mirror_gets_a_copy_of_every_request_with_the_same_host(lab: LiveLab) -> None:
    """The reference switches Envoy's suffix `-shadow` off."""
    v2 = lab.app("web-v2")
    v2.clear()
    rule = "- route: [{destination: {host: web, subset: v1}}]\n  mirror: {host: web, subset: v2}\n"
    with lab.rules(subsets(), routes(rule)):
        replies = lab.client.send(f"{WEB}/anything/mirrored", count=20)
        found = v2.awaited(20, "/anything/mirrored")
    assert {reply.json()["hostname"] for reply in replies} == {"web-v1"}
    assert len(found) == 20
    assert {request["headers"]["host"] for request in found} == {"web:8000"}


def test_a_mirror_gets_its_percentage_and_the_caller_nothing_of_its_failures(lab: LiveLab) -> None:
    v1, v2 = lab.app("web-v1"), lab.app("web-v2")
    v1.clear()
    v2.clear()
    rule = (
        "- route: [{destination: {host: web, subset: v1}}]\n  mirror: {host: web, subset: v2}\n"
        "  mirrorPercentage: {value: 30}\n"
    )
    with lab.rules(subsets(), routes(rule)):
        replies = lab.client.send(f"{WEB}/hostname", count=400, concurrency=4)
        lab.client.send(f"{WEB}/hostname?last", count=60)
        eventually(lambda: any(r["query"] == "last" for r in v2.requests))
    seen = sum(r["query"] == "" for r in v2.requests)
    assert set(hosts(replies)) == {"web-v1"}
    assert v1.count == 460
    assert likely(seen, 400, 0.3), seen


def test_two_mirrors_get_a_copy_each(lab: LiveLab) -> None:
    v2, v3 = lab.app("web-v2"), lab.app("web-v3")
    v2.clear()
    v3.clear()
    rule = (
        "- route: [{destination: {host: web, subset: v1}}]\n  mirrors:\n"
        "  - {destination: {host: web, subset: v2}}\n  - {destination: {host: web, subset: v3}}\n"
    )
    with lab.rules(subsets(), routes(rule)):
        lab.client.send(f"{WEB}/anything/two", count=5)
        assert len(v2.awaited(5, "/anything/two")) == len(v3.awaited(5, "/anything/two")) == 5


def test_a_delegate_in_another_namespace_routes_what_the_root_hands_it(lab: LiveLab) -> None:
    root = routes(
        "- match: [{uri: {prefix: /part}}]\n  delegate: {name: part, namespace: other}\n"
        "- directResponse: {status: 200, body: {string: root}}\n"
    )
    part = networking(
        "VirtualService",
        "part",
        "http:\n- match: [{uri: {prefix: /part/a}}]\n  directResponse: {status: 200, body: {string: a}}\n"
        "- directResponse: {status: 200, body: {string: part}}",
        namespace="other",
    )
    with lab.rules(root, part):
        bodies = [lab.client.send(WEB + path)[0].body for path in ("/part/a/b", "/part/c", "/else", "/")]
    assert bodies == ["a", "part", "root", "root"]


def test_a_delegate_that_is_not_there_routes_nothing(lab: LiveLab) -> None:
    root = routes(
        "- match: [{uri: {prefix: /part}}]\n  delegate: {name: nobody}\n"
        "- directResponse: {status: 200, body: {string: root}}\n"
    )
    with lab.rules(root):
        assert lab.client.send(f"{WEB}/part")[0].body == "root"


def test_a_route_to_another_service_keeps_the_host(lab: LiveLab) -> None:
    with lab.rules(
        routes("- route: [{destination: {host: private.other.svc.cluster.local, port: {number: 8000}}}]")
    ):
        (reply,) = lab.client.send(f"{WEB}/anything")
    assert (reply.json()["hostname"], reply.json()["headers"]["host"]) == ("private", "web:8000")
