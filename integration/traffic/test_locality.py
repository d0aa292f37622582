"""Where requests go by place: near first, elsewhere when those fail, or as a rule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from integration.traffic.rules import eventually, hosts, likely, networking, pod, policy
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

URL = "http://240.240.4.4:8000"
HOST = {"host": "placed.test:8000"}
PLACES = {"web-v1": "locality: north/a", "web-v2": "locality: north/b", "web-v3": "locality: south/c"}
"""The client is in north/a."""
OUTLIERS = (
    "outlierDetection:"
    " {consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 180s, maxEjectionPercent: 100}"
)


def placed(lab: LiveLab, places: Mapping[str, str] = PLACES) -> str:
    """One service whose endpoints are the servers of web, each with what is said of it."""
    ends = "".join(f"- {{address: {pod(lab, name)}, {said}}}\n" for name, said in places.items())
    return networking(
        "ServiceEntry",
        "placed",
        "hosts: [placed.test]\naddresses: [240.240.4.4]\nresolution: STATIC\n"
        f"ports: [{{number: 8000, name: http, protocol: HTTP}}]\nendpoints:\n{ends}",
    )


def ordered(setting: str) -> str:
    """A rule with this localityLbSetting, and a way to notice failures."""
    return policy(f"{{loadBalancer: {{localityLbSetting: {setting}}}, {OUTLIERS}}}", "placed.test")


def seen(lab: LiveLab, count: int = 10) -> Counter[str]:
    """Who answers."""
    return Counter(hosts(lab.client.send(f"{URL}/hostname", count=count, headers=HOST)))


def fail(lab: LiveLab) -> str:
    """Let the only server that is asked now fail, until it is asked no more; its name."""
    (name,) = seen(lab)
    lab.client.send(f"{URL}/status/500", headers=HOST)
    eventually(lambda: name not in seen(lab))
    return name


def test_without_a_way_to_notice_failures_all_places_share(lab: LiveLab) -> None:
    with lab.rules(placed(lab)):
        assert set(seen(lab, 60)) == set(PLACES)


def test_requests_stay_near_and_fail_over_place_by_place(lab: LiveLab) -> None:
    with lab.rules(placed(lab), policy(f"{{{OUTLIERS}}}", "placed.test")):
        assert [fail(lab), fail(lab), *seen(lab)] == ["web-v1", "web-v2", "web-v3"]


FAR = {"web-v1": "locality: east/a", "web-v2": "locality: west/b", "web-v3": "locality: south/c"}


@pytest.mark.parametrize(("to", "first"), [("south", "web-v3"), ("west", "web-v2")])
def test_a_region_fails_over_to_the_one_that_a_rule_names(lab: LiveLab, to: str, first: str) -> None:
    """Nobody is in the client's own region; without the rule the others share."""
    with lab.rules(placed(lab, FAR), policy(f"{{{OUTLIERS}}}", "placed.test")):
        assert set(seen(lab, 60)) == set(FAR)
        with lab.rules(ordered(f"{{failover: [{{from: north, to: {to}}}, {{from: {to}, to: east}}]}}")):
            assert fail(lab) == first
            assert set(seen(lab, 60)) == set(FAR) - {first}


def test_labels_order_the_servers_where_a_rule_says_so(lab: LiveLab) -> None:
    """The more of the labels from the first on are alike, the nearer; the client has version v1."""
    labels = {
        "web-v1": "labels: {tier: gold}, locality: north/a",
        "web-v2": "labels: {version: v1}, locality: south/c",
        "web-v3": "labels: {version: v1, tier: gold}, locality: south/c",
    }
    with lab.rules(placed(lab, labels), ordered("{failoverPriority: [version, tier=gold]}")):
        assert [fail(lab), fail(lab), *seen(lab)] == ["web-v3", "web-v2", "web-v1"]


def test_a_distribution_gives_each_place_its_share(lab: LiveLab) -> None:
    setting = "{enabled: true, distribute: [{from: 'north/a/*', to: {'north/a/*': 70, 'south/c/*': 30}}]}"
    with lab.rules(placed(lab), ordered(setting)):
        found = seen(lab, 300)
    assert set(found) == {"web-v1", "web-v3"}
    assert likely(found["web-v3"], 300, 0.3), found
