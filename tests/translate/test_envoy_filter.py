"""EnvoyFilter: values become messages, and patches are merged as istiod merges them."""

from __future__ import annotations

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from miniistiod.translate.envoy_filter.merge import merged
from miniistiod.translate.envoy_filter.patch_value import patch_value


def struct(**fields: object) -> Struct:
    value = Struct()
    value.update(fields)
    return value


def cluster(**fields: object) -> Cluster:
    return ParseDict(fields, Cluster())


def as_dict(message: Cluster) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)


def test_values_take_either_spelling_of_a_field() -> None:
    value = struct(name="a", connect_timeout="1.25s", perConnectionBufferLimitBytes=10)
    assert as_dict(patch_value(value, Cluster)) == {
        "name": "a",
        "connect_timeout": "1.250s",
        "per_connection_buffer_limit_bytes": 10,
    }


def test_unknown_fields_are_for_another_envoy() -> None:
    assert as_dict(patch_value(struct(name="a", no_such_field=1), Cluster)) == {"name": "a"}


def test_types_in_an_any_are_found_by_their_name() -> None:
    maglev = {
        "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
        "table_size": 7,
    }
    policy = {"typed_extension_config": {"name": "m", "typed_config": maglev}}
    made = patch_value(struct(load_balancing_policy={"policies": [policy]}), Cluster)
    config = made.load_balancing_policy.policies[0].typed_extension_config.typed_config
    assert config.type_url == maglev["@type"]
    assert config.value


def test_a_value_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"envoy\.config\.cluster\.v3\.Cluster"):
        patch_value(struct(connect_timeout="soon"), Cluster)


def test_fields_are_merged_and_durations_replaced() -> None:
    before = cluster(name="a", connect_timeout="1.5s", common_lb_config={"healthy_panic_threshold": {}})
    patch = cluster(connect_timeout="2s", common_lb_config={"ignore_new_hosts_until_first_hc": True})
    assert as_dict(merged(before, patch)) == {
        "name": "a",
        "connect_timeout": "2s",
        "common_lb_config": {"healthy_panic_threshold": {}, "ignore_new_hosts_until_first_hc": True},
    }
    assert as_dict(before)["connect_timeout"] == "1.500s"


def test_lists_grow_or_are_replaced() -> None:
    before, patch = cluster(filters=[{"name": "a"}]), cluster(filters=[{"name": "b"}])
    assert [f.name for f in merged(before, patch).filters] == ["a", "b"]
    assert [f.name for f in merged(before, patch, replaces_lists=True).filters] == ["b"]


def test_entries_of_maps_are_replaced() -> None:
    before = cluster(metadata={"filter_metadata": {"istio": {"a": 1}, "other": {"b": 2}}})
    patch = cluster(metadata={"filter_metadata": {"istio": {"c": 3}}})
    assert as_dict(merged(before, patch)) == {
        "metadata": {"filter_metadata": {"istio": {"c": 3.0}, "other": {"b": 2.0}}}
    }
