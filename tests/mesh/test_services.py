"""Which services there are, what they declare, and who sees them."""

from __future__ import annotations

import pytest

from miniistiod.mesh.service import Registry, Resolution
from miniistiod.vocab.protocol import Protocol, of_kubernetes_port
from tests.mesh.world import mesh, service, service_of

CART = "cart.shop.svc.cluster.local"


def entry(name: str, hosts: str, spec: str, namespace: str = "shop", created: str = "2024-01-01") -> str:
    """A ServiceEntry."""
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{hosts: [{hosts}], {spec}}}
"""


WEB = "ports: [{number: 80, name: http, protocol: HTTP}]"


@pytest.mark.parametrize(
    ("number", "name", "transport", "app_protocol", "protocol"),
    [
        (80, "http", "TCP", "", Protocol.HTTP),
        (80, "http2-api", "TCP", "", Protocol.HTTP2),
        (80, "grpc-web-api", "TCP", "", Protocol.GRPC_WEB),
        (80, "GRPC", "TCP", "", Protocol.GRPC),
        (80, "web", "TCP", "", Protocol.AUTO),
        (80, "http", "TCP", "tcp", Protocol.TCP),
        (80, "http", "TCP", "something.example/new", Protocol.AUTO),
        (80, "web", "TCP", "kubernetes.io/h2c", Protocol.HTTP2),
        (80, "web", "TCP", "kubernetes.io/wss", Protocol.HTTPS),
        (53, "http", "UDP", "", Protocol.UDP),
        (3306, "db", "TCP", "", Protocol.TCP),
        (3306, "http", "TCP", "", Protocol.HTTP),
    ],
)
def test_what_a_port_declares(
    number: int, name: str, transport: str, app_protocol: str, protocol: Protocol
) -> None:
    assert of_kubernetes_port(number, name, transport, app_protocol) is protocol


def test_a_kubernetes_service_has_its_name_in_full_and_its_ports() -> None:
    found = service_of(mesh(service("cart", ports="{name: http, port: 80, targetPort: web}")), CART)
    assert found.addresses == ("10.96.0.1",)
    assert found.resolution is Resolution.STATIC
    assert [(p.name, p.number, p.protocol, p.target) for p in found.ports] == [
        ("http", 80, Protocol.HTTP, "web")
    ]


def test_a_service_entry_gives_a_service_for_each_host_and_address() -> None:
    text = entry(
        "db", "a.example, b.example", f"addresses: [10.1.1.0/24, 10.2.2.2/32], {WEB}, resolution: STATIC"
    )
    found = mesh(text).services.all
    assert [(s.hostname, s.address) for s in found] == [
        ("a.example", "10.1.1.0/24"),
        ("a.example", "10.2.2.2"),
        ("b.example", "10.1.1.0/24"),
        ("b.example", "10.2.2.2"),
    ]


def test_a_service_entry_cannot_take_the_host_of_a_kubernetes_service() -> None:
    squatter = entry("old", CART, f"{WEB}, resolution: DNS", created="2001-01-01")
    young = service("cart", more=", creationTimestamp: '2024-06-01T00:00:00Z'")
    assert service_of(mesh(squatter, young), CART).registry is Registry.KUBERNETES


def test_of_two_entries_for_one_host_the_older_counts() -> None:
    young = entry(
        "young", "api.example", "ports: [{number: 2, name: b, protocol: TCP}]", created="2024-02-01"
    )
    old = entry("old", "api.example", "ports: [{number: 1, name: a, protocol: TCP}]", created="2024-01-01")
    assert service_of(mesh(young, old), "api.example").origin.name == "old"


@pytest.mark.parametrize(
    ("export_to", "own", "other", "third"),
    [
        ("", True, True, True),
        ("'*'", True, True, True),
        ("'.'", True, False, False),
        ("'~'", False, False, False),
        ("'other'", False, True, False),
        ("'.', 'other'", True, True, False),
    ],
)
def test_who_sees_a_service(export_to: str, own: bool, other: bool, third: bool) -> None:
    where = mesh(entry("api", "api.example", f"{WEB}, exportTo: [{export_to}]"))
    seen = [bool(where.services.visible(namespace)) for namespace in ("shop", "other", "third")]
    assert seen == [own, other, third]


def test_the_annotation_of_a_kubernetes_service_limits_who_sees_it() -> None:
    where = mesh(service("cart", more=", annotations: {networking.istio.io/exportTo: '., other'}"))
    assert [s.hostname for s in where.services.visible("other")] == [CART]
    assert where.services.visible("third") == ()


def alias(name: str, of: str) -> str:
    """An ExternalName service."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{type: ExternalName, externalName: {of}, ports: [{{name: http, port: 80}}]}}
"""


def test_an_external_name_is_an_alias_of_what_it_leads_to_in_the_end() -> None:
    where = mesh(service("cart"), alias("basket", CART), alias("bag", "basket.shop.svc.cluster.local"))
    assert service_of(where, CART).aliases == (
        ("shop", "bag.shop.svc.cluster.local"),
        ("shop", "basket.shop.svc.cluster.local"),
    )


def test_aliases_in_a_circle_lead_nowhere() -> None:
    where = mesh(
        alias("a", "b.shop.svc.cluster.local"), alias("b", "a.shop.svc.cluster.local"), service("cart")
    )
    assert all(s.aliases == () for s in where.services.all)


def test_discovery_selectors_hide_other_namespaces() -> None:
    where = mesh(
        "apiVersion: install.istio.io/v1alpha1\nkind: MeshConfig\n"
        "spec: {discoverySelectors: [{matchLabels: {mesh: 'on'}}]}",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {mesh: 'on'}}",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: far}",
        service("cart"),
        service("cart", namespace="far"),
    )
    assert [s.namespace for s in where.services.all] == ["shop"]


@pytest.mark.parametrize(
    ("namespace", "export_to", "seen"),
    [
        ("shop", "", ["shop"]),
        ("shop", "far", []),
        ("far", "", ["shop", "far", "third"]),
        ("third", "", []),
    ],
)
def test_the_mesh_may_cap_how_far_entries_are_seen(namespace: str, export_to: str, seen: list[str]) -> None:
    config = """
apiVersion: install.istio.io/v1alpha1
kind: MeshConfig
spec:
  serviceEntryVisibility:
    applyToSidecars: true
    defaultVisibility: NONE
    policies:
    - visibility: NAMESPACE
      matchingRules: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]
    - {visibility: PUBLIC, matchingRules: [{namespaceSelector: {matchLabels: {open: 'yes'}}}]}
"""
    labelled = [f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {n}}}" for n in ("shop", "third")]
    far = "apiVersion: v1\nkind: Namespace\nmetadata: {name: far, labels: {open: 'yes'}}"
    text = entry("api", "api.example", f"{WEB}, exportTo: [{export_to}]", namespace)
    where = mesh(config, *labelled, far, text)
    assert [n for n in ("shop", "far", "third") if where.services.visible(n)] == seen


def test_services_of_one_host_have_the_identities_that_the_youngest_declares() -> None:
    stranger = entry("cart", CART, WEB + ", resolution: DNS, subjectAltNames: [spiffe://q]")
    assert service_of(mesh(service("cart"), stranger), CART).service_accounts == ("spiffe://q",)
    assert service_of(mesh(service("cart")), CART).service_accounts == ()
