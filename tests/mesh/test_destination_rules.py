"""Which DestinationRule is in force, and what two of one host come to."""

from __future__ import annotations

import pytest

from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.mesh import Mesh
from tests.mesh.world import mesh, rule, service, service_of

CART = "cart.shop.svc.cluster.local"
POOL = ", trafficPolicy: {connectionPool: {tcp: {maxConnections: %d}}}"


def names(where: Mesh, client: str) -> list[list[str]]:
    """The documents of each candidate for clients of a namespace."""
    rules = where.destination_rules.rules(service_of(where, CART), client)
    return [[source.name for source in each.sources] for each in rules]


def only(where: Mesh, client: str = "shop") -> MergedDestinationRule:
    """The one candidate."""
    (found,) = where.destination_rules.rules(service_of(where, CART), client)
    return found


def test_subsets_of_two_rules_add_up_and_the_older_policy_wins() -> None:
    old = rule("b-old", "cart", "v1", created="2024-01-01", more=POOL % 1)
    young = rule("a-young", CART, "v2 v1", created="2024-02-01", more=POOL % 2)
    found = only(mesh(service("cart"), young, old))
    assert [s.name for s in found.message.subsets] == ["v1", "v2"]
    assert found.message.traffic_policy.connection_pool.tcp.max_connections == 1
    assert [s.name for s in found.sources] == ["b-old", "a-young"]
    assert found.message.host == CART


def test_of_two_rules_of_one_age_the_name_decides() -> None:
    found = only(
        mesh(service("cart"), rule("z", "cart", "v1", more=POOL % 1), rule("a", "cart", "v1", more=POOL % 2))
    )
    assert found.message.traffic_policy.connection_pool.tcp.max_connections == 2


def test_the_younger_policy_counts_when_the_older_rule_has_none() -> None:
    young = rule("young", "cart", created="2024-02-01", more=POOL % 7)
    found = only(mesh(service("cart"), rule("old", "cart", "v1"), young))
    assert found.message.traffic_policy.connection_pool.tcp.max_connections == 7


def test_merging_leaves_the_documents_as_they_are() -> None:
    where = mesh(service("cart"), rule("a", "cart", "v1"), rule("b", "cart", "v2"))
    assert [[s.name for s in each.message.subsets] for each in only(where).sources] == [["v1"], ["v2"]]


def test_the_clients_namespace_comes_first_then_the_services_then_the_root() -> None:
    everywhere = [
        rule("client", CART, namespace="front"),
        rule("service", "cart", namespace="shop"),
        rule("root", CART, namespace="istio-system"),
    ]
    for client, expected in (("front", "client"), ("shop", "service"), ("other", "service")):
        assert names(mesh(service("cart"), *everywhere), client) == [[expected]]
    assert names(mesh(service("cart"), everywhere[2]), "other") == [["root"]]


def test_a_rule_elsewhere_does_not_count() -> None:
    assert names(mesh(service("cart"), rule("far", CART, namespace="far")), "front") == []


@pytest.mark.parametrize(
    ("export_to", "shop", "front"),
    [("'.'", True, False), ("'*'", True, True), ("front", False, True), ("'.', front", True, True)],
)
def test_who_may_use_a_rule(export_to: str, shop: bool, front: bool) -> None:
    where = mesh(service("cart"), rule("r", "cart", more=f", exportTo: [{export_to}]"))
    assert [bool(names(where, client)) for client in ("shop", "front")] == [shop, front]


def test_rules_with_other_exports_are_not_merged() -> None:
    private = rule("private", "cart", "v1", more=", exportTo: ['.']")
    where = mesh(service("cart"), private, rule("public", "cart", "v2", created="2024-02-01"))
    assert names(where, "shop") == [["private"], ["public"]]
    assert names(where, "front") == [["public"]]


def test_the_name_of_the_host_beats_a_wildcard_and_a_long_wildcard_a_short_one() -> None:
    wide = rule("wide", "'*.cluster.local'")
    narrow = rule("narrow", "'*.shop.svc.cluster.local'")
    assert names(mesh(service("cart"), wide, narrow, rule("exact", "cart")), "shop") == [["exact"]]
    assert names(mesh(service("cart"), wide, narrow), "shop") == [["narrow"]]


def test_a_rule_with_a_selector_stands_before_and_apart_from_the_others() -> None:
    chosen = rule(
        "chosen", "cart", "v2", created="2024-03-01", more=", workloadSelector: {matchLabels: {app: web}}"
    )
    where = mesh(service("cart"), rule("all", "cart", "v1"), chosen)
    assert names(where, "shop") == [["chosen"], ["all"]]
    assert names(where, "front") == [["all"]]


def test_mesh_config_may_keep_rules_private() -> None:
    kind = "apiVersion: install.istio.io/v1alpha1\nkind: MeshConfig\n"
    config = f"{kind}spec: {{defaultDestinationRuleExportTo: ['.']}}"
    where = mesh(config, service("cart"), rule("r", "cart"))
    assert names(where, "shop") == [["r"]]
    assert names(where, "front") == []
