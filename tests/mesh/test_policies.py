"""Which policies apply to a workload, and which PeerAuthentication counts."""

from __future__ import annotations

import pytest

from miniistiod.mesh.hosts import full_name, most_specific, overlap, subset_of
from tests.mesh.world import mesh


def policy(kind: str, name: str, namespace: str, spec: str, created: str = "2024-01-01") -> str:
    """A policy of a security kind."""
    return f"""
apiVersion: security.istio.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{{spec}}}
"""


def authorization(name: str, namespace: str, selection: str = "") -> str:
    """An AuthorizationPolicy."""
    return policy("AuthorizationPolicy", name, namespace, selection)


def test_policies_of_the_root_namespace_apply_everywhere_and_stand_first() -> None:
    where = mesh(
        authorization("own", "shop"),
        authorization("mesh", "istio-system"),
        authorization("web", "shop", "selector: {matchLabels: {app: web}}"),
        authorization("far", "far"),
    )
    index = where.authorization_policies
    assert [p.name for p in index.of_workload("shop", {"app": "web"})] == ["mesh", "own", "web"]
    assert [p.name for p in index.of_workload("shop", {"app": "cart"})] == ["mesh", "own"]
    assert [p.name for p in index.of_workload("istio-system", {})] == ["mesh"]


def test_the_nearest_first_is_the_order_of_rules_that_share_an_issuer() -> None:
    where = mesh(
        policy("RequestAuthentication", "mesh", "istio-system", "", created="2023-01-01"),
        policy("RequestAuthentication", "own", "shop", ""),
    )
    index = where.request_authentications
    assert [p.name for p in index.nearest_first("shop", {})] == ["own", "mesh"]
    assert [p.name for p in index.nearest_first("istio-system", {})] == ["mesh"]


def test_without_a_time_an_istio_object_is_the_youngest() -> None:
    undated = authorization("a", "shop").replace(", creationTimestamp: '2024-01-01T00:00:00Z'", "")
    where = mesh(undated, authorization("b", "shop"))
    assert [p.name for p in where.authorization_policies.of_workload("shop", {})] == ["b", "a"]


def test_a_sidecar_of_the_root_namespace_stands_in_for_one_of_the_workloads_own() -> None:
    where = mesh("""
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: all, namespace: istio-system}
spec: {egress: [{hosts: ["./*"]}]}
""")
    found = where.sidecars.of_workload("shop", {})
    assert found is not None
    assert (found.namespace, found.name) == ("shop", "all")
    assert where.sidecars.of_workload("shop", {}) is found


def test_a_policy_with_target_refs_is_for_that_gateway_alone() -> None:
    reference = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]"
    index = mesh(authorization("edge", "shop", reference)).authorization_policies
    edge = {"gateway.networking.k8s.io/gateway-name": "edge"}
    assert [p.name for p in index.of_workload("shop", edge)] == ["edge"]
    assert index.of_workload("shop", {"gateway.networking.k8s.io/gateway-name": "other"}) == ()
    assert index.of_workload("shop", {"app": "web"}) == ()
    assert index.of_workload("far", edge) == ()


def mode(name: str, namespace: str, value: str, created: str = "2024-01-01") -> str:
    """A PeerAuthentication for a whole namespace."""
    return policy("PeerAuthentication", name, namespace, f"mtls: {{mode: {value}}}", created)


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], ""),
        ([mode("m", "istio-system", "STRICT")], "STRICT"),
        ([mode("m", "istio-system", "UNSET")], "PERMISSIVE"),
        ([mode("m", "istio-system", "STRICT"), mode("n", "shop", "DISABLE")], "DISABLE"),
        ([mode("m", "istio-system", "STRICT"), mode("n", "shop", "UNSET")], "STRICT"),
        ([mode("n", "shop", "UNSET")], "PERMISSIVE"),
        ([mode("b", "shop", "STRICT", "2024-01-01"), mode("a", "shop", "DISABLE", "2024-02-01")], "STRICT"),
    ],
)
def test_the_mode_that_clients_of_a_namespace_expect(documents: list[str], expected: str) -> None:
    assert mesh(*documents).peer_authentications.namespace_mode("shop") == expected


def test_the_second_policy_for_a_namespace_does_not_apply_and_is_told_apart() -> None:
    where = mesh(mode("old", "shop", "STRICT"), mode("young", "shop", "DISABLE", "2024-02-01"))
    assert [p.name for p in where.peer_authentications.of_workload("shop", {})] == ["old"]
    assert [p.name for p in where.peer_authentications.overruled] == ["young"]


@pytest.mark.parametrize(
    ("host", "other", "covered", "common"),
    [
        ("a.com", "a.com", True, True),
        ("a.com", "*.com", True, True),
        ("*.a.com", "*.com", True, True),
        ("*.com", "*.a.com", False, True),
        ("*.com", "a.com", False, True),
        ("a.com", "b.com", False, False),
        ("a.com", "*", True, True),
        ("*.a.com", "*.b.com", False, False),
    ],
)
def test_when_one_host_covers_another(host: str, other: str, covered: bool, common: bool) -> None:
    assert subset_of(host, other) is covered
    assert overlap(host, other) is common


def test_the_narrowest_host_that_covers_a_name() -> None:
    wildcard = {"*": 1, "*.com": 2, "*.a.com": 3}
    assert most_specific("x.a.com", {"y.a.com": 0}, wildcard) == 3
    assert most_specific("x.a.com", {"x.a.com": 0}, wildcard) == 0
    assert most_specific("x.org", {}, wildcard) == 1
    assert most_specific("x.org", {}, {"*.com": 2}) is None


def test_a_short_name_is_a_service_of_the_same_namespace() -> None:
    assert full_name("cart", "shop", "cluster.local") == "cart.shop.svc.cluster.local"
    assert full_name("cart.far", "shop", "cluster.local") == "cart.far"
    assert full_name("*", "shop", "cluster.local") == "*"
