"""Every resource of every reference case keeps the rules of Envoy's schema; the check itself finds faults."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2, outlier_detection_pb2
from envoy.config.core.v3 import address_pb2, base_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.type.matcher.v3 import regex_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.testing.envoy_rules import faults
from tests.parity import ours, reference
from tests.parity.dump import TYPES, all_envoy_messages

checked: set[tuple[str, bytes]] = set()
"""What earlier cases have shown to be right: most resources are in several."""


def case_faults(name: str) -> list[str]:
    """The rules broken in a case."""
    found = []
    for proxy, scope in ours.scopes(name, stock=True).items():
        for kind, url in TYPES.items():
            kind_of = descriptor_pool.Default().FindMessageTypeByName(url.rpartition("/")[2])
            for resource, body in ours.bodies(scope, url).items():
                if (url, body) in checked:
                    continue
                broken = list(faults(message_factory.GetMessageClass(kind_of).FromString(body)))
                found += [f"{proxy} {kind} {resource}: {fault}" for fault in broken]
                if not broken:
                    checked.add((url, body))
    return found


@pytest.mark.parametrize("name", reference.names())
def test_case(name: str) -> None:
    all_envoy_messages()
    assert case_faults(name) == []


def packed(message: Message) -> Any:
    made = ProtoAny()
    made.Pack(message)
    return made


FAULTY: list[tuple[Message, str]] = [
    (cluster_pb2.Cluster(), "name: min_len 1, but it is ''"),
    (cluster_pb2.Cluster(name="a", lb_policy=77), "lb_policy: defined_only True, but it is 77"),  # type: ignore[arg-type]
    (cluster_pb2.Cluster(name="a", connect_timeout=Duration()), "connect_timeout: gt"),
    (
        cluster_pb2.Cluster(
            name="a",
            outlier_detection=outlier_detection_pb2.OutlierDetection(
                max_ejection_percent=UInt32Value(value=101)
            ),
        ),
        "outlier_detection.max_ejection_percent: lte 100, but it is 101",
    ),
    (
        endpoint_pb2.ClusterLoadAssignment(
            cluster_name="a", endpoints=[endpoint_components_pb2.LocalityLbEndpoints(priority=129)]
        ),
        "endpoints[0].priority: lte 128, but it is 129",
    ),
    (address_pb2.Address(), "address: one of its members is required"),
    (address_pb2.SocketAddress(address="a", port_value=70000), "port_value: lte 65535, but it is 70000"),
    (base_pb2.HeaderValue(key="a\nb"), "key: well_known_regex 1, but it is 'a\\nb'"),
    (regex_pb2.RegexMatcher(), "regex: min_len 1, but it is ''"),
    (
        route_pb2.RouteConfiguration(
            virtual_hosts=[route_components_pb2.VirtualHost(name="a", routes=[route_components_pb2.Route()])]
        ),
        "virtual_hosts[0].routes[0].match: required",
    ),
    (
        route_pb2.RouteConfiguration(virtual_hosts=[route_components_pb2.VirtualHost(name="a")]),
        "virtual_hosts[0].domains: min_items 1",
    ),
    (
        listener_pb2.Listener(
            filter_chains=[
                listener_components_pb2.FilterChain(
                    filters=[
                        listener_components_pb2.Filter(
                            name="a", typed_config=packed(tcp_proxy_pb2.TcpProxy(cluster="b"))
                        )
                    ]
                )
            ]
        ),
        "filter_chains[0].filters[0].typed_config"
        "<envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy>.stat_prefix: min_len 1",
    ),
]


@pytest.mark.parametrize(("message", "fault"), FAULTY, ids=[fault for _, fault in FAULTY])
def test_a_broken_rule_is_found_where_it_is(message: Message, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(message)), list(faults(message))


def test_a_member_of_a_oneof_that_is_not_chosen_is_not_required() -> None:
    pipe = address_pb2.Address(pipe=address_pb2.Pipe(path="/a"))
    assert list(faults(pipe)) == []
