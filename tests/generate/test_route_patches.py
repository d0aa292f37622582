"""Which tables, virtual hosts and routes an EnvoyFilter means, and what its operations do to them."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.json_format import ParseDict

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.generate.patches import ApplyTo, Operation, Patch, PatchContext
from miniistiod.generate.route_patches import RoutePatches, matches_table, patched_table


def patch(applies_to: int, operation: str, value: Any, **configuration: Any) -> Patch:
    match = ParseDict({"route_configuration": configuration}, EnvoyFilter.EnvoyConfigObjectMatch())
    return Patch(applies_to, Operation.Value(operation), match, value, None)  # type: ignore[arg-type]


def table() -> RouteConfiguration:
    """Virtual host a has the routes x (to a cluster) and y (a redirect); b has none."""
    x, y = Route(name="x"), Route(name="y")
    x.route.cluster = "c"
    y.redirect.host_redirect = "elsewhere"
    hosts = [VirtualHost(name="a", domains=["a.example"], routes=[x, y]), VirtualHost(name="b")]
    return RouteConfiguration(name="80", virtual_hosts=hosts)


def after(*patches: Patch) -> RouteConfiguration:
    by_kind = {k: tuple(p for p in patches if p.applies_to == k) for k in ApplyTo.values()}
    found = RoutePatches(
        PatchContext.SIDECAR_OUTBOUND,
        by_kind[ApplyTo.ROUTE_CONFIGURATION],
        by_kind[ApplyTo.VIRTUAL_HOST],
        by_kind[ApplyTo.HTTP_ROUTE],
    )
    return patched_table(table(), found)


def names(configuration: RouteConfiguration) -> dict[str, list[str]]:
    return {host.name: [route.name for route in host.routes] for host in configuration.virtual_hosts}


@pytest.mark.parametrize(
    ("operation", "route", "expected"),
    [
        ("ADD", None, ["x", "y", "new"]),
        ("INSERT_FIRST", None, ["new", "x", "y"]),
        ("INSERT_FIRST", {"name": "y"}, ["new", "x", "y"]),
        ("INSERT_FIRST", {"name": "z"}, ["x", "y"]),
        ("INSERT_BEFORE", {"name": "y"}, ["x", "new", "y"]),
        ("INSERT_AFTER", {"action": "ROUTE"}, ["x", "new", "y"]),
        ("REMOVE", {"action": "REDIRECT"}, ["x"]),
    ],
)
def test_operations_on_routes(operation: str, route: Any, expected: list[str]) -> None:
    host = {"name": "a", **({"route": route} if route else {})}
    assert names(after(patch(ApplyTo.HTTP_ROUTE, operation, Route(name="new"), vhost=host)))["a"] == expected


def test_virtual_hosts_are_changed_by_domain_and_added_to_the_table() -> None:
    changed = patch(
        ApplyTo.VIRTUAL_HOST, "MERGE", VirtualHost(require_tls=2), vhost={"domainName": "a.example"}
    )
    removed = patch(ApplyTo.VIRTUAL_HOST, "REMOVE", None, vhost={"name": "b"})
    added = patch(ApplyTo.VIRTUAL_HOST, "ADD", VirtualHost(name="c"))
    made = after(changed, removed, added)
    assert [(host.name, host.require_tls) for host in made.virtual_hosts] == [("a", 2), ("c", 0)]


def test_a_table_can_only_be_merged() -> None:
    value = RouteConfiguration(internal_only_headers=["x"])
    assert list(after(patch(ApplyTo.ROUTE_CONFIGURATION, "MERGE", value)).internal_only_headers) == ["x"]
    assert names(after(patch(ApplyTo.ROUTE_CONFIGURATION, "REMOVE", None))) == names(table())


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("http.8080", {"portNumber": 80}, True),
        ("http.8080", {"portNumber": 8080}, False),
        ("http.9090", {"portNumber": 9090}, True),
        ("https.443.web.edge.infra", {"portName": "web", "gateway": "infra/edge"}, True),
        ("https.443.web.edge.infra", {"gateway": "edge/infra"}, False),
    ],
)
def test_a_gateways_tables_are_known_by_the_server(name: str, wanted: Any, expected: bool) -> None:
    found = RoutePatches(PatchContext.GATEWAY, (), (), (), ports=((8080, (80,)),))
    one = patch(ApplyTo.VIRTUAL_HOST, "ADD", None, **wanted)
    assert matches_table(RouteConfiguration(name=name), one, found) is expected


@pytest.mark.parametrize(
    ("name", "expected"), [("80", True), ("inbound|80||", True), ("a.example:80", False)]
)
def test_a_sidecars_tables_are_known_by_port(name: str, expected: bool) -> None:
    found = RoutePatches(PatchContext.SIDECAR_OUTBOUND, (), (), ())
    one = patch(ApplyTo.VIRTUAL_HOST, "ADD", None, portNumber=80)
    assert matches_table(RouteConfiguration(name=name), one, found) is expected
