"""Envoy resources as the rows of istioctl's tables."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from miniistiod.ca import authority, certificates, keys
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
    return [row[5] for row in resource_rows.route_rows(shown)]


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


def test_a_virtual_host_without_routes_answers_404() -> None:
    given = {"name": "http.80", "virtualHosts": [{"name": "blackhole:80", "domains": ["*"]}]}
    assert list(resource_rows.route_rows(given)) == [("http.80", "blackhole:80", "*", "/*", "404", "")]


def certificate(since: datetime, days: int) -> str:
    """A certificate in PEM, in base 64."""
    key = keys.private_key()
    made = authority.self_signed(since, key)
    leaf = authority.leaf(made, (x509.DNSName("a"),), key.public_key(), since, timedelta(days=days))
    return base64.b64encode(certificates.pem_of([leaf])).decode()


def test_secrets_tell_whether_they_are_there_and_valid() -> None:
    now = datetime.now(UTC)
    chains = {"good": certificate(now, 1), "old": certificate(now - timedelta(days=9), 1)}
    given = [
        {"name": n, "tlsCertificate": {"certificateChain": {"inlineBytes": c}}} for n, c in chains.items()
    ]
    rows = [
        row
        for each in [*given, {"name": "c"}, {"name": "c-cacert"}]
        for row in resource_rows.secret_rows(each)
    ]
    assert [row[:4] for row in rows] == [
        ("good", "Cert Chain", "ACTIVE", "true"),
        ("old", "Cert Chain", "ACTIVE", "false"),
        ("c", "Cert Chain", "WARMING", "false"),
        ("c-cacert", "CA", "WARMING", "false"),
    ]
    assert all(after > before and after.endswith("Z") for *_, after, before in rows[:2])
