"""A whole HTTPRoute: what its parts give together, as the reference's route.go has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
from google.protobuf.json_format import ParseDict

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRoute, HTTPRouteDestination
from miniistiod.translate.virtual_service.destination import destination_cluster
from miniistiod.translate.virtual_service.http_route import http_route
from miniistiod.translate.virtual_service.place import Place

ConsistentHash = LoadBalancerSettings.ConsistentHashLB


def no_hash(_: HTTPRouteDestination) -> ConsistentHash | None:
    return None


def by_user(destination: HTTPRouteDestination) -> ConsistentHash | None:
    return ConsistentHash(http_header_name="x-user") if destination.destination.subset == "v2" else None


def routed(
    istio: dict[str, Any],
    hash_of: Callable[[HTTPRouteDestination], ConsistentHash | None] = no_hash,
    **more: Any,
) -> Route:
    rule = ParseDict(istio, HTTPRoute())
    place = Place(
        name="cart-rules",
        port=80,
        cluster=lambda destination: destination_cluster(destination, 80),
        hash_of=hash_of,
        **more,
    )
    return http_route(rule, rule.match[0] if rule.match else None, place)


def to(subset: str = "", weight: int = 0, **more: Any) -> dict[str, Any]:
    return {"destination": {"host": "cart", "subset": subset}, "weight": weight, **more}


def test_one_destination_is_a_cluster_and_names_the_trace() -> None:
    route = routed({"match": [{"uri": {"prefix": "/a"}}], "route": [to("v1")]})
    assert route.route.cluster == "outbound|80|v1|cart"
    assert route.decorator.operation == "cart:80/a*"


def test_a_split_leaves_out_weight_zero_and_is_traced_by_its_rules() -> None:
    route = routed({"route": [to("v1", 80), to("v2", 20), to("v3", 0)]})
    clusters = route.route.weighted_clusters.clusters
    assert [(c.name, c.weight.value) for c in clusters] == [
        ("outbound|80|v1|cart", 80),
        ("outbound|80|v2|cart", 20),
    ]
    assert route.decorator.operation == "cart-rules:80/*"


def test_trace_of_an_exact_path_a_regex_and_a_whole_segment() -> None:
    def operation(uri: dict[str, str], **more: Any) -> str:
        return str(routed({"match": [{"uri": uri}], "redirect": {"uri": "/b"}}, **more).decorator.operation)

    assert operation({"exact": "/x"}) == "cart-rules:80/x"
    assert operation({"regex": "/[a-z]"}) == "cart-rules:80/[a-z]"
    assert operation({"prefix": "/x"}, gateway_api=True) == "cart-rules:80/*"


def test_the_name_is_of_rule_and_match() -> None:
    assert routed({"name": "canary", "match": [{"name": "beta"}], "route": [to()]}).name == "canary.beta"
    assert routed({"name": "canary", "match": [{}], "route": [to()]}).name == "canary"
    assert routed({"route": [to()]}).name == ""


def test_the_stat_prefix_is_that_of_the_match() -> None:
    assert routed({"match": [{"statPrefix": "cart-stats"}], "route": [to()]}).stat_prefix == "cart-stats"


def test_no_timeout_is_for_ever_and_one_holds_for_grpc_too() -> None:
    action = routed({"route": [to()]}).route
    assert action.HasField("timeout")
    assert action.timeout.ToMilliseconds() == 0
    action = routed({"route": [to()], "timeout": "1.5s"}).route
    assert (action.timeout.ToMilliseconds(), action.max_grpc_timeout.ToMilliseconds()) == (1500, 1500)


def test_headers_of_the_only_destination_follow_those_of_the_rule() -> None:
    route = routed(
        {
            "headers": {"request": {"add": {"x-rule": "1"}}},
            "route": [to("v1", headers={"request": {"add": {"a-destination": "2"}}})],
        }
    )
    assert [h.header.key for h in route.request_headers_to_add] == ["x-rule", "a-destination"]


def test_headers_of_a_split_stay_with_their_share() -> None:
    headers = {"request": {"set": {"Host": "v1.internal", "x-v": "1"}}}
    route = routed({"route": [to("v1", 50, headers=headers), to("v2", 50)]})
    first, second = route.route.weighted_clusters.clusters
    assert first.host_rewrite_literal == "v1.internal"
    assert [h.header.key for h in first.request_headers_to_add] == ["x-v"]
    assert not second.request_headers_to_add
    assert not route.route.host_rewrite_literal


def test_rewrite_beats_the_rules_headers_which_beat_the_destinations() -> None:
    rule: dict[str, Any] = {
        "route": [to(headers={"request": {"set": {":authority": "of-destination"}}})],
    }
    assert routed(rule).route.host_rewrite_literal == "of-destination"
    rule["headers"] = {"request": {"set": {"host": "of-rule"}}}
    assert routed(rule).route.host_rewrite_literal == "of-rule"
    rule["rewrite"] = {"authority": "of-rewrite"}
    assert routed(rule).route.host_rewrite_literal == "of-rewrite"


def test_forwarded_host_only_where_something_is_rewritten() -> None:
    assert not routed({"route": [to()]}, forwarded_host=True).route.append_x_forwarded_host
    assert routed(
        {"route": [to()], "rewrite": {"uri": "/"}}, forwarded_host=True
    ).route.append_x_forwarded_host


def test_a_hash_is_on_the_route_and_retries_stay_at_its_host() -> None:
    action = routed({"route": [to("v2")]}, hash_of=by_user).route
    assert [p.header.header_name for p in action.hash_policy] == ["x-user"]
    assert not action.retry_policy.retry_host_predicate


def test_a_hash_of_one_share_is_on_the_whole_split_but_not_of_weight_zero() -> None:
    action = routed({"route": [to("v1", 50), to("v2", 50)]}, hash_of=by_user).route
    assert len(action.hash_policy) == 1
    assert action.retry_policy.retry_host_predicate
    assert not routed({"route": [to("v1", 50), to("v2", 0)]}, hash_of=by_user).route.hash_policy


def test_mirrors_in_order_with_their_shares() -> None:
    action = routed(
        {
            "route": [to()],
            "mirror": {"host": "old"},
            "mirrorPercent": 40,
            "mirrors": [
                {"destination": {"host": "a"}, "percentage": {"value": 12.5}},
                {"destination": {"host": "b"}, "percentage": {"value": 0}},
                {"destination": {"host": "c"}},
            ],
        }
    ).route
    shares = [(p.cluster, p.runtime_fraction.default_value.numerator) for p in action.request_mirror_policies]
    assert shares == [("outbound|80||old", 40), ("outbound|80||a", 125000), ("outbound|80||c", 100)]
    assert all(p.disable_shadow_host_suffix_append for p in action.request_mirror_policies)


def test_a_mirror_of_zero_percent_is_none() -> None:
    rule = {"route": [to()], "mirror": {"host": "old"}, "mirrorPercentage": {"value": 0}}
    assert not routed(rule).route.request_mirror_policies


def test_redirects_and_answers_have_no_destination() -> None:
    assert routed({"redirect": {"uri": "/b"}}).WhichOneof("action") == "redirect"
    assert routed({"directResponse": {"status": 503}}).WhichOneof("action") == "direct_response"
    assert routed({"redirect": {"uri": "/b", "redirectCode": 304}}).WhichOneof("action") is None


def test_fault_and_cors_are_settings_of_their_filters() -> None:
    route = routed({"route": [to()], "fault": {"abort": {"httpStatus": 500}}, "corsPolicy": {}})
    assert sorted(route.typed_per_filter_config) == ["envoy.filters.http.cors", "envoy.filters.http.fault"]


def test_a_gateway_api_route_answers_500_where_its_backend_is_missing() -> None:
    action = routed({"route": [to()]}, gateway_api=True).route
    assert action.cluster_not_found_response_code == RouteAction.INTERNAL_SERVER_ERROR
