"""What the operations of an EnvoyFilter do to a list of filters, and which listeners and chains it means."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.address_pb2 import Address, SocketAddress
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch
from envoy.config.listener.v3.listener_pb2 import Listener
from google.protobuf.json_format import ParseDict
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.generate.listener_patches import matches_chain, matches_listener, rearranged
from miniistiod.generate.patches import ApplyTo, Operation, Patch
from tests.generate.test_listeners_outbound import document, found, service


def patch(operation: str = "ADD", applies_to: int = ApplyTo.NETWORK_FILTER, **listener: object) -> Patch:
    match = ParseDict({"listener": listener}, EnvoyFilter.EnvoyConfigObjectMatch())
    return Patch(applies_to, Operation.Value(operation), match, Filter(name="new"), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        ("ADD", None, ["a", "b", "a", "new"]),
        ("INSERT_FIRST", "b", ["new", "a", "b", "a"]),
        ("INSERT_BEFORE", "a", ["new", "a", "b", "a"]),
        ("INSERT_AFTER", "a", ["a", "new", "b", "a"]),
        ("INSERT_BEFORE", None, ["new", "a", "b", "a"]),
        ("INSERT_AFTER", None, ["a", "b", "a", "new"]),
        ("INSERT_AFTER", "c", ["a", "b", "a"]),
        ("REPLACE", "a", ["new", "b", "a"]),
        ("REPLACE", None, ["a", "b", "a"]),
        ("REMOVE", "a", ["b"]),
        ("REMOVE", None, ["a", "b", "a"]),
    ],
)
def test_operations(operation: str, name: str | None, expected: list[str]) -> None:
    before = [Filter(name=each) for each in "aba"]
    assert [each.name for each in rearranged(before, patch(operation), name)] == expected


def listener(name: str, port: int) -> Listener:
    return Listener(name=name, address=Address(socket_address=SocketAddress(port_value=port)))


def test_a_port_means_the_listeners_port() -> None:
    assert matches_listener(listener("0.0.0.0_80", 80), patch(port_number=80))
    assert not matches_listener(listener("0.0.0.0_80", 80), patch(port_number=81))


def test_in_a_virtual_listener_a_port_means_a_chains_port() -> None:
    virtual = listener("virtualInbound", 15006)
    chain = FilterChain(filter_chain_match=FilterChainMatch(destination_port=UInt32Value(value=8080)))
    assert matches_listener(virtual, patch(port_number=8080))
    assert matches_chain(virtual, chain, patch(port_number=8080))
    assert not matches_chain(virtual, chain, patch(port_number=8081))
    assert not matches_listener(virtual, patch(applies_to=ApplyTo.LISTENER, port_number=8080))


def test_all_of_a_chains_protocols_must_be_offered() -> None:
    chain = FilterChain(filter_chain_match=FilterChainMatch(application_protocols=["h2", "http/1.1"]))
    some = listener("0.0.0.0_80", 80)
    assert matches_chain(some, chain, patch(filter_chain={"application_protocols": "h2,http/1.1"}))
    assert not matches_chain(some, chain, patch(filter_chain={"application_protocols": "h2,h3"}))


def test_a_listener_for_any_side_is_added_once() -> None:
    value = {"name": "mine", "address": {"pipe": {"path": "/tmp/mine"}}}
    filter_ = document(
        "EnvoyFilter",
        "f",
        {"configPatches": [{"applyTo": "LISTENER", "patch": {"operation": "ADD", "value": value}}]},
        "networking.istio.io/v1alpha3",
    )
    names = found(service("a", "10.96.0.1", "http"), filter_)
    assert sorted(names) == ["0.0.0.0_80", "mine", "virtualInbound", "virtualOutbound"]
