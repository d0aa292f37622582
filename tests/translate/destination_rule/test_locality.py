"""Which endpoints a client is sent first: priorities and weights of groups, by Istio's rules of locality."""

from __future__ import annotations

from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings, OutlierDetection
from miniistiod.translate.destination_rule.locality_groups import Client, Group, Member, locality
from miniistiod.translate.destination_rule.locality_lb_setting import (
    common_lb_config,
    localised,
    locality_rule,
)

PLACES = ("r1/z1/s1", "r1/z1/s2", "r1/z2", "r2/z1", "r3/z1")
NO_MESH = MeshConfig()


def member(name: str, **labels: str) -> Member:
    return Member(LbEndpoint(endpoint=Endpoint(hostname=name)), 1, labels)


def groups(*places: str) -> tuple[Group, ...]:
    return tuple(Group(locality(place), (member(place),), 1) for place in places)


def settings(**fields: object) -> LoadBalancerSettings:
    return ParseDict(fields, LoadBalancerSettings())


def placed(
    own: LoadBalancerSettings | None,
    given: tuple[Group, ...],
    client: Client,
    *,
    ejects: bool = True,
    mesh: MeshConfig = NO_MESH,
    distribution: str = "",
    labelled: bool = True,
) -> list[tuple[list[str], int, int | None]]:
    """(names of the endpoints, priority, weight) of each group."""
    rule = locality_rule(own, mesh, distribution)
    return [
        ([m.endpoint.endpoint.hostname for m in g.members], g.priority, g.weight)
        for g in localised(rule, given, client, ejects, labelled)
    ]


def priorities(*args: object, **named: object) -> list[int]:
    return [priority for _, priority, _ in placed(*args, **named)]  # type: ignore[arg-type]


def at(place: str, **labels: str) -> Client:
    return Client(locality(place), labels or {"app": "web"})


def as_dict(message: Message) -> dict[str, object]:
    return MessageToDict(message)


def test_near_before_far() -> None:
    own = settings(localityLbSetting={})
    assert priorities(own, groups(*PLACES), at("r1/z1/s1")) == [0, 1, 2, 3, 3]


def test_priorities_have_no_gap() -> None:
    own = settings(localityLbSetting={})
    assert priorities(own, groups("r1/z2", "r2/z1"), at("r1/z1/s1")) == [0, 1]


def test_failover_names_the_next_region() -> None:
    own = settings(localityLbSetting={"failover": [{"from": "r1", "to": "r3"}]})
    assert priorities(own, groups(*PLACES), at("r1/z1/s1")) == [0, 1, 2, 4, 3]


def test_failover_needs_something_that_ejects() -> None:
    own = settings(localityLbSetting={})
    assert priorities(own, groups(*PLACES), at("r1/z1/s1"), ejects=False) == [0] * 5


def test_switched_off() -> None:
    own = settings(localityLbSetting={"enabled": False})
    assert priorities(own, groups(*PLACES), at("r1/z1/s1")) == [0] * 5
    assert priorities(None, groups(*PLACES), at("r1/z1/s1")) == [0] * 5


def test_the_mesh_says_so_where_the_rule_says_nothing() -> None:
    mesh = ParseDict({"localityLbSetting": {"enabled": True}}, MeshConfig())
    assert priorities(None, groups("r1", "r2"), at("r1"), mesh=mesh) == [0, 1]
    off = settings(localityLbSetting={"enabled": False})
    assert priorities(off, groups("r1", "r2"), at("r1"), mesh=mesh) == [0, 0]


def test_distribute_sets_weights_and_empties_the_rest() -> None:
    own = settings(localityLbSetting={"distribute": [{"from": "r1/*", "to": {"r1/z1/*": 70, "r2/*": 30}}]})
    assert placed(own, groups(*PLACES), at("r1/z1/s1"), ejects=False) == [
        (["r1/z1/s1"], 0, 35),
        (["r1/z1/s2"], 0, 35),
        ([], 0, 1),
        (["r2/z1"], 0, 30),
        ([], 0, 1),
    ]


def test_distribute_shares_by_the_weights_there_were_and_rounds_up() -> None:
    own = settings(localityLbSetting={"distribute": [{"from": "*", "to": {"r1": 50, "r2": 50}}]})
    given = (*groups("r1/a"), Group(locality("r1/b"), (member("x"), member("y")), 2), *groups("r2"))
    weights = [weight for _, _, weight in placed(own, given, at("r9"), ejects=False)]
    assert weights == [17, 34, 50]


def test_distribute_of_others_changes_nothing() -> None:
    own = settings(localityLbSetting={"distribute": [{"from": "r7", "to": {"r1": 100}}]})
    assert placed(own, groups("r1", "r2"), at("r1")) == [(["r1"], 0, 1), (["r2"], 0, 1)]


def test_failover_priority_counts_labels_from_the_first_on() -> None:
    own = settings(localityLbSetting={"failoverPriority": ["rack", "row"]})
    given = (
        Group(
            locality("r1"),
            (
                member("same", rack="a", row="1"),
                member("other rack", rack="b", row="1"),
                member("other row", rack="a", row="2"),
            ),
            3,
        ),
    )
    assert placed(own, given, at("r1", rack="a", row="1")) == [
        (["same"], 0, 1),
        (["other row"], 1, 1),
        (["other rack"], 2, 1),
    ]


def test_failover_priority_with_a_value_of_its_own() -> None:
    own = settings(localityLbSetting={"failoverPriority": ["version=v2"]})
    given = (Group(locality(""), (member("old", version="v1"), member("new", version="v2")), 2),)
    assert placed(own, given, at("", version="v1")) == [(["new"], 0, 1), (["old"], 1, 1)]


def test_another_network_comes_behind_all_others() -> None:
    labels = ["topology.istio.io/network", "zone"]
    own = settings(localityLbSetting={"failoverPriority": labels})
    network = labels[0]
    given = (
        Group(
            locality(""),
            (
                member("here", **{network: "n1", "zone": "a"}),
                member("far zone", **{network: "n1", "zone": "b"}),
                member("far network", **{network: "n2", "zone": "a"}),
                member("both", **{network: "n2", "zone": "b"}),
            ),
            4,
        ),
    )
    assert placed(own, given, at("", **{network: "n1", "zone": "a"})) == [
        (["here"], 0, 1),
        (["far zone"], 1, 1),
        (["far network"], 2, 1),
        (["both"], 3, 1),
    ]


def test_failover_refines_failover_priority() -> None:
    own = settings(localityLbSetting={"failoverPriority": ["rack"], "failover": [{"from": "r1", "to": "r2"}]})
    given = (
        Group(locality("r1"), (member("a", rack="a"), member("b", rack="b")), 2),
        Group(locality("r2"), (member("c", rack="a"),), 1),
    )
    assert placed(own, given, at("r1", rack="a")) == [(["a"], 0, 1), (["b"], 2, 1), (["c"], 1, 1)]


def test_labels_that_are_not_known_change_nothing() -> None:
    own = settings(localityLbSetting={"failoverPriority": ["rack"]})
    given = (Group(locality("r1"), (member("a", rack="b"), member("b", rack="a")), 2),)
    assert placed(own, given, at("r1", rack="a"), labelled=False) == [(["a", "b"], 0, 2)]


def test_traffic_distribution_needs_no_outlier_detection() -> None:
    zone, region = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
    near = member("near", **{region: "r1", zone: "z1"})
    far = member("far", **{region: "r1", zone: "z2"})
    given = (Group(locality("r1/z1"), (near,), 1), Group(locality("r1/z2"), (far,), 1))
    client = at("r1/z1", **{region: "r1", zone: "z1"})
    found = placed(None, given, client, ejects=False, distribution="PreferSameZone")
    assert found == [(["near"], 0, 1), (["far"], 1, 1)]


def test_zone_aware_balancing_keeps_a_region_together() -> None:
    own = settings(zoneAwareLbSetting={"failover": [{"from": "r1", "to": "r3"}]})
    assert priorities(own, groups(*PLACES), at("r1/z1"), ejects=False) == [0, 0, 0, 2, 1]
    off = settings(zoneAwareLbSetting={"enabled": False})
    assert priorities(off, groups(*PLACES), at("r1/z1")) == [0] * 5


def config(
    own: LoadBalancerSettings | None, outlier: OutlierDetection | None = None, distribution: str = ""
) -> dict[str, object]:
    rule = locality_rule(own, NO_MESH, distribution)
    return as_dict(common_lb_config(rule, outlier, bool(distribution)))


def test_panic_is_off_unless_asked_for() -> None:
    assert config(None) == {"healthyPanicThreshold": {}}
    outlier = OutlierDetection(min_health_percent=40)
    assert config(None, outlier) == {"healthyPanicThreshold": {"value": 40.0}}
    weighted = config(None, outlier, "PreferSameZone")
    assert weighted == {"healthyPanicThreshold": {}, "localityWeightedLbConfig": {}}


def test_weights_of_localities_count_where_a_rule_sets_them() -> None:
    distribute = settings(localityLbSetting={"distribute": [{"from": "a", "to": {"b": 100}}]})
    failing = settings(localityLbSetting={"failover": [{"from": "a", "to": "b"}]})
    assert "localityWeightedLbConfig" in config(distribute)
    assert "localityWeightedLbConfig" not in config(failing)
    assert "localityWeightedLbConfig" in config(failing, OutlierDetection())
    assert "localityWeightedLbConfig" not in config(settings(localityLbSetting={}), OutlierDetection())


def test_zone_aware_config() -> None:
    own = settings(zoneAwareLbSetting={"minClusterSize": 3})
    assert config(own) == {"healthyPanicThreshold": {}, "zoneAwareLbConfig": {"minClusterSize": "3"}}
    off = settings(zoneAwareLbSetting={"enabled": False})
    assert config(off) == {"healthyPanicThreshold": {}, "zoneAwareLbConfig": {"routingEnabled": {}}}
