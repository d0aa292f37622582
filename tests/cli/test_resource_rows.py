"""Envoy resources as the rows of istioctl's tables."""

from __future__ import annotations

from typing import Any

from miniistiod.cli import resource_rows

V1, V9 = (
    "outbound|9080|v1|reviews.default.svc.cluster.local",
    "outbound|9080|v9|reviews.default.svc.cluster.local",
)


def table(*actions: dict[str, Any]) -> dict[str, Any]:
    """A route table with one route for each action."""
    routes = [{"match": {"prefix": "/"}, "route": action} for action in actions]
    return {"name": "9080", "virtualHosts": [{"name": "reviews", "domains": ["reviews"], "routes": routes}]}


def targets(shown: dict[str, Any]) -> list[str]:
    return [row[4] for row in resource_rows.route_rows(shown)]


def test_a_route_to_a_cluster_that_is_not_there_says_so() -> None:
    split = {"weightedClusters": {"clusters": [{"name": V1, "weight": 80}, {"name": V9, "weight": 20}]}}
    given = table({"cluster": V1}, {"cluster": V9}, split, {"clusterHeader": "x-to"})
    assert targets(resource_rows.with_missing(given, {V1})) == [
        V1,
        f"{V9} (no such cluster: 503 NC)",
        f"{V1} 80, {V9} (no such cluster: 503 NC) 20",
        "x-to",
    ]
    assert targets(given)[1] == V9, "what was given stays as it was"


def test_a_cluster_s_name_is_taken_apart() -> None:
    cluster = {"name": V1, "type": "EDS"}
    assert list(resource_rows.cluster_rows(cluster)) == [
        ("reviews.default.svc.cluster.local", "9080", "v1", "outbound", "EDS", "")
    ]


def test_a_cluster_without_endpoints_says_what_a_caller_sees() -> None:
    rows = list(resource_rows.endpoint_rows({"clusterName": V1}))
    assert rows == [("(none: requests get 503 UH)", "", "", V1)]


def test_a_virtual_host_shows_its_shortest_names_before_addresses() -> None:
    given = table({"cluster": V1})
    domains = ["reviews.default.svc", "10.96.0.1", "reviews", "reviews.default"]
    given["virtualHosts"][0]["domains"] = domains
    assert [row[2] for row in resource_rows.route_rows(given)] == ["reviews, reviews.default + 2 more"]
