"""VirtualServices in force: names in full, who sees them, delegates, and that nothing is made twice."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.api.kinds import KINDS
from miniistiod.config.objects import Object, Origin
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.virtual_services import gateway_name, governing, virtual_service_index

KIND = next(kind for kind in KINDS if kind.name == "VirtualService")
SETTINGS = MeshSettings(MeshConfig(), None)


def document(
    name: str, spec: dict[str, Any], namespace: str = "shop", created: str = ""
) -> Object[VirtualService]:
    message = ParseDict(spec, VirtualService())
    return Object(KIND, name, namespace, message, Origin("test.yaml", 1), created=created)


def to(host: str) -> list[dict[str, Any]]:
    return [{"route": [{"destination": {"host": host}}]}]


def test_short_names_are_of_the_documents_namespace() -> None:
    spec = {
        "hosts": ["cart", "cart.example.com", "*"],
        "gateways": ["edge", "mesh", "istio-system/edge"],
        "http": [
            {
                "match": [{"gateways": ["edge", "mesh"]}],
                "route": [{"destination": {"host": "cart"}}],
                "mirror": {"host": "old"},
                "mirrors": [{"destination": {"host": "older"}}],
            }
        ],
        "tcp": to("db"),
        "tls": to("web"),
    }
    (rules,) = virtual_service_index((document("cart", spec),), SETTINGS).rules
    full = MessageToDict(rules.message)
    domain = "shop.svc.cluster.local"
    assert full["hosts"] == [f"cart.{domain}", "cart.example.com", "*"]
    assert full["gateways"] == ["shop/edge", "mesh", "istio-system/edge"]
    (http,) = full["http"]
    assert http["match"] == [{"gateways": ["shop/edge", "mesh"]}]
    assert http["route"][0]["destination"]["host"] == f"cart.{domain}"
    assert http["mirror"]["host"] == f"old.{domain}"
    assert http["mirrors"][0]["destination"]["host"] == f"older.{domain}"
    assert full["tcp"][0]["route"][0]["destination"]["host"] == f"db.{domain}"
    assert full["tls"][0]["route"][0]["destination"]["host"] == f"web.{domain}"


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("mesh", "mesh"),
        ("edge", "shop/edge"),
        ("./edge", "shop/edge"),
        ("infra/edge", "infra/edge"),
        ("edge.infra", "infra/edge"),
        ("edge.infra.svc.cluster.local", "infra/edge"),
    ],
)
def test_gateway_names(written: str, full: str) -> None:
    assert gateway_name(written, "shop") == full


def test_own_rules_come_before_those_exported_and_public_ones_and_the_oldest_first() -> None:
    index = virtual_service_index(
        (
            document("public-new", {"hosts": ["a"]}, "x", "2024-01-02T00:00:00Z"),
            document("public-old", {"hosts": ["a"]}, "x", "2024-01-01T00:00:00Z"),
            document("exported", {"hosts": ["a"], "exportTo": ["shop"]}, "x"),
            document("private", {"hosts": ["a"], "exportTo": ["."]}, "shop"),
            document("nobodys", {"hosts": ["a"], "exportTo": ["~"]}, "shop"),
        ),
        SETTINGS,
    )
    assert [rules.name for rules in index.at("shop")] == ["private", "exported", "public-old", "public-new"]
    assert [rules.name for rules in index.at("other")] == ["public-old", "public-new"]


def test_rules_bound_to_a_gateway_alone_are_not_for_sidecars() -> None:
    index = virtual_service_index((document("edge", {"hosts": ["a"], "gateways": ["edge"]}),), SETTINGS)
    assert index.at("shop") == ()
    assert [rules.name for rules in index.at("shop", "shop/edge")] == ["edge"]


def delegating(export_to: list[str]) -> tuple[Object[VirtualService], Object[VirtualService]]:
    root = document(
        "root", {"hosts": ["cart"], "http": [{"delegate": {"name": "leaf", "namespace": "x"}}, *to("rest")]}
    )
    return root, document("leaf", {"http": [{"name": "n", **to("v2")[0]}], "exportTo": export_to}, "x")


def test_a_delegates_rules_take_the_place_of_the_rule_that_names_it() -> None:
    root, leaf = delegating(["shop"])
    (rules,) = virtual_service_index((root, leaf), SETTINGS).rules
    hosts = [http.route[0].destination.host for http in rules.message.http]
    assert hosts == ["v2.x.svc.cluster.local", "rest.shop.svc.cluster.local"]
    assert rules.sources == (root, leaf)


def test_a_delegate_that_is_missing_or_not_exported_drops_the_rule() -> None:
    root, leaf = delegating(["."])
    for documents in ((root, leaf), (root,)):
        (rules,) = virtual_service_index(documents, SETTINGS).rules
        assert [http.route[0].destination.host for http in rules.message.http] == [
            "rest.shop.svc.cluster.local"
        ]


def test_only_what_changed_is_made_again() -> None:
    root, leaf = delegating(["*"])
    other = document("other", {"hosts": ["other"]})
    before = {r.name: r for r in virtual_service_index((root, leaf, other), SETTINGS).rules}
    changed = document("leaf", {"http": to("v3")}, "x")
    after = {r.name: r for r in virtual_service_index((root, changed, other), SETTINGS).rules}
    assert after["other"] is before["other"]
    assert after["root"] is not before["root"]


def test_the_narrowest_host_governs_a_service() -> None:
    index = virtual_service_index(
        (
            document("all", {"hosts": ["*"]}),
            document("wide", {"hosts": ["*.example.com"]}),
            document("narrow", {"hosts": ["*.eu.example.com"]}),
            document("second", {"hosts": ["a.example.com"]}, created="2024-01-02T00:00:00Z"),
            document("first", {"hosts": ["a.example.com"]}, created="2024-01-01T00:00:00Z"),
        ),
        SETTINGS,
    )
    hosts = ["a.example.com", "b.example.com", "b.eu.example.com", "other"]
    assert {host: rules.name for host, rules in governing(hosts, index.rules).items()} == {
        "a.example.com": "first",
        "b.example.com": "wide",
        "b.eu.example.com": "narrow",
        "other": "all",
    }
