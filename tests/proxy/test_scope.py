"""What one proxy sees, and what it shares with others."""

from __future__ import annotations

import dataclasses

import pytest

from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.workload import Workload
from miniistiod.proxy.node import Proxy, ProxyKind
from miniistiod.proxy.scope import ProxyScope
from miniistiod.proxy.workload import workload_of
from tests.mesh.test_services import entry
from tests.mesh.world import mesh, pod, rule, service, store, virtual_service

WEB = "ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS"


def sidecar(name: str = "web", namespace: str = "shop", address: str = "10.0.0.5") -> Proxy:
    """A sidecar of app NAME."""
    domain = f"{namespace}.svc.cluster.local"
    return Proxy(
        ProxyKind.SIDECAR, f"{name}.{namespace}", name, namespace, domain, (address,), labels={"app": name}
    )


def scope(*documents: str, proxy: Proxy | None = None, connected: tuple[Workload, ...] = ()) -> ProxyScope:
    """The scope of one proxy."""
    return ProxyScope(proxy or sidecar(), mesh(*documents, connected=connected))


def limits(egress: str, name: str = "limits", namespace: str = "shop", more: str = "") -> str:
    """A Sidecar with one egress listener."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{egress: [{{{egress}}}]{more}}}
"""


def hosts(found: ProxyScope) -> list[str]:
    """The first words of the hosts it sees."""
    return sorted(s.hostname.removesuffix(".svc.cluster.local") for s in found.upstreams.services)


THREE = (service("cart"), service("cart", namespace="far"), service("debts", namespace="far"))


@pytest.mark.parametrize(
    ("imported", "expected"),
    [
        ("'*/*'", ["cart.far", "cart.shop", "debts.far"]),
        ("'./*'", ["cart.shop"]),
        ("'far/*'", ["cart.far", "debts.far"]),
        ("'far/debts.far.svc.cluster.local'", ["debts.far"]),
        ("'*/debts.far.svc.cluster.local', './*'", ["cart.shop", "debts.far"]),
        ("'*/*.far.svc.cluster.local'", ["cart.far", "debts.far"]),
        ("'~/*'", []),
    ],
)
def test_what_egress_hosts_take_in(imported: str, expected: list[str]) -> None:
    assert hosts(scope(*THREE, limits(f"hosts: [{imported}]"))) == expected


def test_a_listener_with_a_port_takes_that_port_of_services_that_have_it() -> None:
    two = "{name: http, port: 80}, {name: more, port: 81}"
    found = scope(
        service("cart", ports=two),
        service("debts"),
        limits("port: {number: 81, protocol: HTTP, name: x}, hosts: ['*/*']"),
    )
    assert [(s.hostname.split(".")[0], [p.number for p in s.ports]) for s in found.upstreams.services] == [
        ("cart", [81])
    ]


def test_the_destinations_of_imported_rules_are_in_scope_too() -> None:
    rules = virtual_service("cart", "cart", "debts.far.svc.cluster.local")
    found = scope(*THREE, rules, limits("hosts: ['./*']"))
    assert hosts(found) == ["cart.shop", "debts.far"]
    assert hosts(scope(*THREE, limits("hosts: ['./*']"))) == ["cart.shop"]


def test_of_one_host_in_two_namespaces_the_proxys_own_counts() -> None:
    found = scope(
        entry("a", "api.example", WEB, namespace="far", created="2001-01-01"), entry("b", "api.example", WEB)
    )
    assert [s.namespace for s in found.upstreams.services] == ["shop"]


def test_a_sidecar_with_a_selector_beats_one_without_and_the_root_one_comes_last() -> None:
    documents = (
        limits("hosts: ['*/*']", "all"),
        limits("hosts: ['*/*']", "web", more=", workloadSelector: {labels: {app: web}}"),
        limits("hosts: ['*/*']", "root", "istio-system"),
    )
    for proxy, expected in ((sidecar(), "web"), (sidecar("other"), "all"), (sidecar("web", "far"), "root")):
        found = scope(*documents, proxy=proxy).sidecar
        assert found is not None
        assert found.name == expected


def test_proxies_of_a_namespace_share_one_view_and_its_destinations() -> None:
    where = mesh(*THREE, rule("cart", "cart", "v1"))
    one, two = ProxyScope(sidecar(), where), ProxyScope(sidecar("other", address="10.0.0.6"), where)
    assert one.outbound is two.outbound
    assert one.destinations is two.destinations
    assert ProxyScope(sidecar("web", "far"), where).outbound is not one.outbound


def test_destinations_outlive_a_changed_virtual_service_and_a_changed_endpoint() -> None:
    first = store(*THREE, rule("cart", "cart", "v1")).with_file(
        "v.yaml", virtual_service("cart", "cart", "cart")
    )
    second = first.with_file("v.yaml", virtual_service("cart", "cart", "debts.far.svc.cluster.local"))
    third = second.with_file("p.yaml", pod("a", "cart", "10.0.0.9"))
    one, two, three = (ProxyScope(sidecar(), snapshot(each)) for each in (first, second, third))
    assert one.outbound is not two.outbound
    assert one.destinations is two.destinations is three.destinations


def test_a_rule_with_a_selector_is_for_the_clients_it_selects() -> None:
    chosen = rule("web", "cart", "v2", more=", workloadSelector: {matchLabels: {app: web}}")
    where = mesh(service("cart"), rule("all", "cart", "v1"), chosen)
    for name, expected in (("web", "web"), ("other", "all")):
        found = ProxyScope(sidecar(name), where)
        rules = [d.rule.name for d in found.destinations if d.rule is not None]
        assert rules == [expected]
        inbound = found.inbound_rule(found.destinations[0].service)
        assert inbound is not None
        assert inbound.name == "all"


def test_the_targets_of_a_pod_are_the_ports_of_the_services_that_select_it() -> None:
    named, again = "{name: http, port: 80, targetPort: web}", "{name: again, port: 81, targetPort: 9090}"
    ports = f"{named}, {again}, {{name: tcp, port: 82}}"
    proxy = sidecar("cart", address="10.0.0.1")
    found = scope(service("cart", ports=ports), pod("cart", "cart", "10.0.0.1"), proxy=proxy)
    assert [(t.port.name, t.target_port) for t in found.targets] == [
        ("http", 9090),
        ("again", 9090),
        ("tcp", 82),
    ]


def test_a_proxy_nobody_else_knows_is_found_by_the_labels_of_its_node() -> None:
    proxy = sidecar("cart")
    found = scope(service("cart"), service("debts"), proxy=proxy, connected=(workload_of(proxy),))
    assert [(t.service.name, t.target_port) for t in found.targets] == [("cart", 8080)]


@pytest.mark.parametrize(("cluster", "expected"), [("", 1), ("Kubernetes", 1), ("elsewhere", 0)])
def test_a_proxy_of_another_cluster_has_no_service_of_this_one(cluster: str, expected: int) -> None:
    """So it is in istiod; ServiceEntries count wherever the proxy is."""
    given = dataclasses.replace(sidecar(), cluster=cluster)
    listed = WEB.replace("DNS", "STATIC") + ", endpoints: [{address: 10.0.0.5}]"
    found = scope(
        service("web"), entry("a", "a.example", listed), pod("web", "web", "10.0.0.5"), proxy=given
    ).targets
    assert "a.example" in {t.service.hostname for t in found}
    assert len(found) == 1 + expected


def test_the_older_service_comes_first_among_targets() -> None:
    old = service("old", more=", creationTimestamp: '2020-01-01T00:00:00Z'").replace("app: old", "app: web")
    young = service("a", more=", creationTimestamp: '2024-01-01T00:00:00Z'").replace("app: a}", "app: web}")
    assert [t.service.name for t in scope(young, old, proxy=sidecar()).targets] == ["old", "a"]


def test_an_entry_that_lists_its_address_is_a_target_in_the_same_namespace() -> None:
    listed = WEB.replace("DNS", "STATIC") + ", endpoints: [{address: 10.0.0.5, ports: {http: 8081}}]"
    found = scope(entry("here", "a.example", listed), entry("far", "b.example", listed, namespace="far"))
    assert [(t.service.hostname, t.target_port) for t in found.targets] == [("a.example", 8081)]


def test_telemetry_and_envoy_filters_come_in_their_order() -> None:
    def filters(name: str, namespace: str, priority: int) -> str:
        return f"""
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{priority: {priority}, configPatches: []}}
"""

    found = scope(
        filters("b", "shop", 0),
        filters("a", "shop", 5),
        filters("z", "istio-system", 0),
        filters("c", "shop", -1),
    )
    assert [f.name for f in found.envoy_filters] == ["c", "z", "b", "a"]


def test_a_router_takes_the_oldest_service_of_a_host_wherever_it_is() -> None:
    old = entry("a", "api.example", WEB, namespace="far", created="2001-01-01")
    router = Proxy(ProxyKind.ROUTER, "edge.shop", "edge", "shop", "shop.svc.cluster.local", ("10.0.0.5",))
    found = scope(entry("b", "api.example", WEB), old, proxy=router)
    assert [s.namespace for s in found.upstreams.services] == ["far"]
