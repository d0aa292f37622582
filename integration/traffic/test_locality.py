"""Where requests go by place: near first, elsewhere when those fail, or as a rule distributes them."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from integration.traffic.rules import hosts, likely, networking, policy
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

SECONDS = 20.0
URL = "http://240.240.4.4:8000"
HOST = {"host": "placed.test:8000"}
PLACES = {"web-v1": "north/a", "web-v2": "north/b", "web-v3": "south/c"}
"""The client is in north/a."""
OUTLIERS = (
    "outlierDetection:"
    " {consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 60s, maxEjectionPercent: 100}"
)


def placed(lab: LiveLab) -> str:
    """One service whose endpoints are the servers of web, each in its place."""
    pods = {pod["name"]: pod["address"] for pod in lab.outside.ask("status")["pods"]}
    ends = "".join(f"- {{address: {pods[name]}, locality: {place}}}\n" for name, place in PLACES.items())
    return networking(
        "ServiceEntry",
        "placed",
        "hosts: [placed.test]\naddresses: [240.240.4.4]\nresolution: STATIC\n"
        f"ports: [{{number: 8000, name: http, protocol: HTTP}}]\nendpoints:\n{ends}",
    )


def seen(lab: LiveLab, count: int = 10) -> Counter[str]:
    """Who answers."""
    return Counter(hosts(lab.client.send(f"{URL}/hostname", count=count, headers=HOST)))


def test_without_a_way_to_notice_failures_all_places_share(lab: LiveLab) -> None:
    with lab.rules(placed(lab)):
        assert set(seen(lab, 60)) == set(PLACES)


def test_requests_stay_near_and_fail_over_place_by_place(lab: LiveLab) -> None:
    order = []
    with lab.rules(placed(lab), policy(f"{{{OUTLIERS}}}", "placed.test")):
        for _ in PLACES:
            (name,) = now = seen(lab)
            order.append(name)
            lab.client.send(f"{URL}/status/500", headers=HOST)
            end = time.monotonic() + SECONDS
            while len(order) < len(PLACES) and seen(lab) == now:
                assert time.monotonic() < end, order
    assert order == ["web-v1", "web-v2", "web-v3"]


def test_a_distribution_gives_each_place_its_share(lab: LiveLab) -> None:
    setting = "{enabled: true, distribute: [{from: 'north/a/*', to: {'north/a/*': 70, 'south/c/*': 30}}]}"
    with lab.rules(
        placed(lab), policy(f"{{loadBalancer: {{localityLbSetting: {setting}}}, {OUTLIERS}}}", "placed.test")
    ):
        found = seen(lab, 300)
    assert set(found) == {"web-v1", "web-v3"}
    assert likely(found["web-v3"], 300, 0.3), found
