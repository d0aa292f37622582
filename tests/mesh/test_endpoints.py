"""The endpoints of services, from every source there is."""

from __future__ import annotations

from miniistiod.mesh.workload import Workload, WorkloadSource
from tests.mesh.test_services import entry
from tests.mesh.world import addresses, mesh, pod, service, service_of

CART = "cart.shop.svc.cluster.local"
NAMED = "{name: http, port: 80, targetPort: web}"


def slice_of(name: str, endpoints: str, ports: str = "{name: http, port: 8080}") -> str:
    """An EndpointSlice of service cart."""
    return f"""
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, namespace: shop, labels: {{kubernetes.io/service-name: cart}}}}
addressType: IPv4
ports: [{ports}]
endpoints: [{endpoints}]
"""


def workload_entry(name: str, spec: str, labels: str = "app: cart") -> str:
    """A WorkloadEntry."""
    return f"""
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: {name}, namespace: shop}}
spec: {{labels: {{{labels}}}, {spec}}}
"""


def proxy_at(address: str, app: str = "cart") -> Workload:
    """The workload of a connected proxy."""
    return Workload(
        WorkloadSource.PROXY,
        f"{app}-1",
        "shop",
        (address,),
        labels={"app": app},
        service_account=app,
        tls_mode="istio",
    )


def test_pods_that_a_service_selects_count_when_it_has_no_slices() -> None:
    where = mesh(service("cart"), pod("a", "cart", "10.0.0.1"), pod("b", "other", "10.0.0.2"))
    assert addresses(where, CART) == [("10.0.0.1", 8080)]


def test_a_target_port_by_name_is_the_containers() -> None:
    where = mesh(service("cart", ports=NAMED), pod("a", "cart", "10.0.0.1"))
    assert addresses(where, CART) == [("10.0.0.1", 9090)]


def test_a_pod_that_is_not_ready_does_not_count() -> None:
    where = mesh(service("cart"), pod("a", "cart", "10.0.0.1", ready="'False'"))
    assert addresses(where, CART) == []


def test_slices_count_in_place_of_the_selector() -> None:
    listed = (
        "{addresses: [10.0.0.9]}, {addresses: [10.0.0.1], targetRef: {kind: Pod, name: a, namespace: shop}}"
    )
    where = mesh(
        service("cart"), pod("a", "cart", "10.0.0.1"), pod("b", "cart", "10.0.0.2"), slice_of("s", listed)
    )
    assert addresses(where, CART) == [("10.0.0.9", 8080), ("10.0.0.1", 8080)]


def test_a_slice_that_names_a_pod_that_is_gone_has_no_endpoint_for_it() -> None:
    listed = "{addresses: [10.0.0.1], targetRef: {kind: Pod, name: gone, namespace: shop}}"
    assert addresses(mesh(service("cart"), slice_of("s", listed)), CART) == []


def test_an_address_in_two_slices_counts_once() -> None:
    where = mesh(
        service("cart"), slice_of("a", "{addresses: [10.0.0.1]}"), slice_of("b", "{addresses: [10.0.0.1]}")
    )
    assert addresses(where, CART) == [("10.0.0.1", 8080)]


def test_an_endpoint_has_the_identity_and_the_place_of_its_pod() -> None:
    node = """
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-a}}
"""
    where = mesh(
        service("cart"), node, pod("a", "cart", "10.0.0.1", labels=", security.istio.io/tlsMode: istio")
    )
    (found,) = where.endpoints.of(service_of(where, CART)).all
    assert found.service_account == "spiffe://cluster.local/ns/shop/sa/cart"
    assert (found.locality, found.tls_mode, found.node) == ("eu/eu-a", "istio", "node-1")
    assert found.label("topology.kubernetes.io/zone") == "eu-a"


def test_the_label_of_a_pod_says_where_it_runs_before_its_node_does() -> None:
    where = mesh(service("cart"), pod("a", "cart", "10.0.0.1", labels=", istio-locality: us.us-b"))
    (found,) = where.endpoints.of(service_of(where, CART)).all
    assert found.locality == "us/us-b"


def test_a_connected_proxy_is_an_endpoint_until_it_leaves() -> None:
    assert addresses(mesh(service("cart"), connected=[proxy_at("10.9.0.1")]), CART) == [("10.9.0.1", 8080)]
    assert addresses(mesh(service("cart")), CART) == []


def test_a_connected_proxy_does_not_count_beside_the_pod_with_its_address() -> None:
    where = mesh(service("cart"), pod("a", "cart", "10.0.0.1"), connected=[proxy_at("10.0.0.1")])
    assert addresses(where, CART) == [("10.0.0.1", 8080)]
    assert [w.source for w in where.workloads.all] == [WorkloadSource.POD]


def test_a_workload_entry_counts_beside_slices_and_may_move_the_port() -> None:
    moved = workload_entry("vm", "address: 192.168.0.1, ports: {http: 7070}")
    named = workload_entry("dns", "address: vm.example")
    where = mesh(service("cart"), slice_of("s", "{addresses: [10.0.0.1]}"), moved, named)
    assert addresses(where, CART) == [("10.0.0.1", 8080), ("192.168.0.1", 7070)]


def test_an_account_makes_a_workload_entry_speak_mutual_tls() -> None:
    plain = workload_entry("a", "address: 192.168.0.1")
    account = workload_entry("b", "address: 192.168.0.2, serviceAccount: cart")
    off = workload_entry(
        "c", "address: 192.168.0.3, serviceAccount: cart", "app: cart, security.istio.io/tlsMode: disabled"
    )
    where = mesh(service("cart"), plain, account, off)
    assert [e.tls_mode for e in where.endpoints.of(service_of(where, CART)).all] == [
        "disabled",
        "istio",
        "disabled",
    ]


def test_the_endpoints_of_an_entry_take_its_target_port_unless_they_have_their_own() -> None:
    spec = (
        "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], resolution: STATIC, "
        "endpoints: [{address: 1.1.1.1}, {address: 2.2.2.2, ports: {http: 9000}}, {address: 'unix:///run/a.sock'}]"
    )
    where = mesh(entry("api", "api.example", spec))
    assert addresses(where, "api.example") == [("1.1.1.1", 8080), ("2.2.2.2", 9000), ("/run/a.sock", 0)]


def test_dns_without_endpoints_asks_for_the_host_itself() -> None:
    spec = "ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS"
    assert addresses(mesh(entry("api", "api.example", spec)), "api.example") == [("api.example", 443)]


def test_dns_round_robin_takes_one_endpoint() -> None:
    spec = (
        "ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS_ROUND_ROBIN, "
        "endpoints: [{address: a.example}]"
    )
    where = mesh(entry("one", "api.example", spec), entry("two", "api.example", spec, created="2024-02-02"))
    assert addresses(where, "api.example") == [("a.example", 80)]


def test_an_entry_selects_workload_entries_and_ready_pods() -> None:
    spec = (
        "ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, "
        "workloadSelector: {labels: {app: cart}}"
    )
    silent = pod("c", "cart", "10.0.0.3").replace(
        "conditions: [{type: Ready, status: 'True'}]", "conditions: []"
    )
    where = mesh(
        entry("api", "api.example", spec),
        pod("a", "cart", "10.0.0.1"),
        silent,
        workload_entry("vm", "address: 10.5.0.1"),
    )
    assert addresses(where, "api.example") == [("10.0.0.1", 80), ("10.5.0.1", 80)]


def test_accounts_are_those_of_all_endpoints_once() -> None:
    where = mesh(service("cart"), pod("a", "cart", "10.0.0.1"), pod("b", "cart", "10.0.0.2"))
    assert where.endpoints.of(service_of(where, CART)).service_accounts == (
        "spiffe://cluster.local/ns/shop/sa/cart",
    )


def test_endpoints_written_by_hand_count_like_slices() -> None:
    plain = """
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.7, ports: [{name: tcp, port: 5432}]}
"""
    by_hand = """
apiVersion: v1
kind: Endpoints
metadata: {name: db, namespace: shop}
subsets:
- {addresses: [{ip: 192.168.3.1}], notReadyAddresses: [{ip: 192.168.3.2}], ports: [{name: tcp, port: 15432}]}
"""
    where = mesh(plain, by_hand)
    found = where.endpoints.of(service_of(where, "db.shop.svc.cluster.local")).all
    assert [(e.address, e.port, e.healthy) for e in found] == [
        ("192.168.3.1", 15432, True),
        ("192.168.3.2", 15432, False),
    ]
