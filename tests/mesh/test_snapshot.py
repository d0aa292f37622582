"""A snapshot shares with the one before it all that did not change."""

from __future__ import annotations

import time

from miniistiod.mesh.kept import PATIENCE, Memory, kept
from miniistiod.mesh.snapshot import snapshot
from tests.mesh.test_endpoints import proxy_at, slice_of
from tests.mesh.world import joined, rule, service, service_of, store, virtual_service

CART = "cart.shop.svc.cluster.local"
DEBTS = "debts.shop.svc.cluster.local"
BASE = joined(
    service("cart"), service("debts"), rule("cart", "cart", "v1 v2"), slice_of("s", "{addresses: [10.0.0.1]}")
)


def test_the_same_configuration_gives_the_same_indexes() -> None:
    before = store(BASE, virtual_service("cart", "cart", "cart"))
    one, two = snapshot(before), snapshot(before)
    for name in (
        "settings",
        "services",
        "workloads",
        "endpoints",
        "virtual_services",
        "destination_rules",
        "sidecars",
    ):
        assert getattr(one, name) is getattr(two, name), name


def test_a_changed_virtual_service_touches_nothing_else() -> None:
    first = store(BASE).with_file("routes.yaml", virtual_service("cart", "cart", "cart"))
    second = first.with_file("routes.yaml", virtual_service("cart", "cart", "debts"))
    one, two = snapshot(first), snapshot(second)
    assert one.virtual_services is not two.virtual_services
    for name in (
        "settings",
        "services",
        "workloads",
        "endpoints",
        "destination_rules",
        "sidecars",
        "gateways",
    ):
        assert getattr(one, name) is getattr(two, name), name


def test_of_two_virtual_services_only_the_changed_one_is_made_anew() -> None:
    first = store(virtual_service("a", "a", "cart")).with_file("b.yaml", virtual_service("b", "b", "cart"))
    second = first.with_file("b.yaml", virtual_service("b", "b", "debts"))
    one, two = ({vs.name: vs for vs in snapshot(each).virtual_services.rules} for each in (first, second))
    assert one["a"] is two["a"]
    assert one["b"] is not two["b"]


def test_a_changed_slice_touches_the_endpoints_of_its_service_alone() -> None:
    first = store(service("cart"), service("debts")).with_file(
        "e.yaml", slice_of("s", "{addresses: [10.0.0.1]}")
    )
    second = first.with_file("e.yaml", slice_of("s", "{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}"))
    one, two = snapshot(first), snapshot(second)
    assert one.services is two.services
    cart, debts = service_of(one, CART), service_of(one, DEBTS)
    assert one.endpoints.of(cart) is not two.endpoints.of(cart)
    assert one.endpoints.of(debts) is two.endpoints.of(debts)


def test_a_proxy_that_connects_touches_the_endpoints_of_its_service_alone() -> None:
    where = store(service("cart"), service("debts"))
    one, two = (
        snapshot(where, [proxy_at("10.9.0.1", "debts")]),
        snapshot(where, [proxy_at("10.9.0.1", "cart")]),
    )
    assert one.services is two.services
    three = snapshot(where)
    assert one.endpoints.of(service_of(one, CART)) is three.endpoints.of(service_of(three, CART))
    assert two.endpoints.of(service_of(two, DEBTS)) is three.endpoints.of(service_of(three, DEBTS))


def test_a_changed_rule_is_the_only_one_made_anew() -> None:
    first = store(service("cart"), rule("a", "a.example", "v1")).with_file(
        "r.yaml", rule("cart", "cart", "v1")
    )
    second = first.with_file("r.yaml", rule("cart", "cart", "v1 v2"))
    one, two = (snapshot(each).destination_rules.local["shop"].exact for each in (first, second))
    assert one["a.example"][0] is two["a.example"][0]
    assert one[CART][0] is not two[CART][0]


def test_a_snapshot_after_a_small_change_is_much_cheaper_than_the_first() -> None:
    documents = [text for i in range(150) for text in (service(f"s{i}"), rule(f"s{i}", f"s{i}", "v1 v2"))]
    first = store(*documents).with_file("vs.yaml", virtual_service("s1", "s1", "s2"))
    began = time.process_time()
    snapshot(first)
    whole = time.process_time() - began
    second = first.with_file("vs.yaml", virtual_service("s1", "s1", "s3"))
    began = time.process_time()
    snapshot(second)
    assert time.process_time() - began < whole / 3


def test_what_is_kept_is_made_once_for_equal_arguments() -> None:
    made: list[tuple[int, str]] = []

    @kept
    def pair(number: int, name: str) -> tuple[int, str]:
        made.append((number, name))
        return (number, name)

    assert pair(1, "a") is pair(1, "a")
    pair(2, "a")
    assert made == [(1, "a"), (2, "a")]


def test_a_result_that_fails_is_not_kept() -> None:
    calls: list[int] = []

    @kept
    def failing(number: int) -> int:
        calls.append(number)
        if len(calls) == 1:
            raise ValueError(number)
        return number

    try:
        failing(1)
    except ValueError:
        calls.append(0)
    assert failing(1) == 1
    assert calls == [1, 0, 1]


def test_what_nobody_asks_for_is_forgotten_and_what_a_used_result_was_made_from_is_not() -> None:
    memory = Memory()
    made: list[str] = []

    def inner(name: str) -> str:
        made.append(name)
        return name

    def outer(name: str) -> str:
        return memory.value(inner, (name,))

    memory.value(outer, ("used",))
    memory.value(inner, ("unused",))
    for _ in range(3 * PATIENCE):
        memory.turn()
        memory.value(outer, ("used",))
    memory.value(inner, ("used",))
    assert made == ["used", "unused"]
    memory.value(inner, ("unused",))
    assert made == ["used", "unused", "unused"]


def test_a_sweep_leaves_what_is_used_and_what_that_was_made_from() -> None:
    memory = Memory()
    made: list[str] = []

    def inner(name: str) -> str:
        made.append(name)
        return name

    def outer(name: str) -> str:
        return memory.value(inner, (name,))

    def use() -> None:
        memory.turn()
        memory.value(outer, ("used",))

    memory.value(outer, ("used",))
    memory.value(outer, ("unused",))
    memory.sweep(use)
    assert set(memory.entries) == {(outer, "used"), (inner, "used")}
    for _ in range(3 * PATIENCE):
        memory.turn()
        memory.value(outer, ("used",))
    assert made == ["used", "unused"]
