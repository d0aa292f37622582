"""What several Telemetries come to. Expectations follow Istio's telemetry_test.go."""

from __future__ import annotations

from typing import Any

import yaml

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.config import of_text
from miniistiod.mesh.policies import policy_index
from miniistiod.mesh.telemetry import Applied, access_logs, applied, tracing
from miniistiod.mesh.telemetry_metrics import metrics
from miniistiod.vocab.listener_class import ListenerClass

OUT, IN = ListenerClass.SIDECAR_OUTBOUND, ListenerClass.SIDECAR_INBOUND
ROOT = "istio-system"


def telemetry(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def of_cart(*documents: dict[str, Any]) -> Applied:
    """Those that apply to a workload of namespace shop."""
    store = of_text(yaml.safe_dump_all(documents), "test.yaml")
    return applied(policy_index(store.of_kind("Telemetry"), ROOT), "shop", {"app": "cart"})


def mesh(**defaults: list[str]) -> MeshConfig:
    providers = [MeshConfig.ExtensionProvider(name=name) for name in ("zipkin", "otel")]
    return MeshConfig(
        default_providers=MeshConfig.DefaultProviders(**defaults), extension_providers=providers
    )


def provider(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def logs(side: ListenerClass, config: MeshConfig, *documents: dict[str, Any]) -> dict[str, bool] | None:
    """Whether each provider's log is written."""
    found = access_logs(of_cart(*documents), config, side)
    return None if found is None else {choice.provider: not choice.off for choice in found}


def test_from_wide_to_narrow_and_only_the_first_wide_one_of_a_namespace() -> None:
    documents = [
        telemetry("root", ROOT),
        telemetry("a", "shop"),
        telemetry("b", "shop"),
        telemetry("own", "shop", selector={"matchLabels": {"app": "cart"}}),
        telemetry("other", "shop", selector={"matchLabels": {"app": "web"}}),
        telemetry("root-own", ROOT, selector={"matchLabels": {"app": "cart"}}),
    ]
    assert [t.name for t in of_cart(*documents)] == ["root", "a", "own"]


def test_access_logs_that_nobody_speaks_of_are_left_to_the_mesh() -> None:
    assert logs(OUT, mesh()) is None
    assert logs(OUT, mesh(access_logging=["envoy"])) == {"envoy": True}


def test_a_nearer_provider_replaces_the_outer_one() -> None:
    outer = telemetry("root", ROOT, accessLogging=[{"providers": provider("envoy")}])
    inner = telemetry("ns", "shop", accessLogging=[{"providers": provider("otel")}])
    assert logs(OUT, mesh(), outer, inner) == {"otel": True}


def test_a_rule_without_providers_speaks_of_the_outer_ones() -> None:
    outer = telemetry("root", ROOT, accessLogging=[{"providers": provider("envoy")}])
    inner = telemetry("ns", "shop", accessLogging=[{"disabled": True}])
    assert logs(OUT, mesh(), outer, inner) == {"envoy": False}


def test_a_rule_for_servers_leaves_clients_alone() -> None:
    rule = {"providers": provider("envoy"), "match": {"mode": "SERVER"}}
    document = telemetry("ns", "shop", accessLogging=[rule])
    assert logs(IN, mesh(), document) == {"envoy": True}
    assert logs(OUT, mesh(), document) == {}


def test_tracing_keeps_what_a_nearer_rule_does_not_say() -> None:
    outer = telemetry(
        "root", ROOT, tracing=[{"providers": provider("zipkin"), "randomSamplingPercentage": 5}]
    )
    inner = telemetry("ns", "shop", tracing=[{"customTags": {"a": {"literal": {"value": "x"}}}}])
    choice = tracing(of_cart(outer, inner), mesh(), OUT)
    assert choice is not None
    assert choice.provider is not None
    assert (choice.provider.name, choice.sampling, set(choice.tags)) == ("zipkin", 5, {"a"})


def test_tracing_without_a_provider_is_off() -> None:
    choice = tracing(of_cart(telemetry("ns", "shop", tracing=[{"randomSamplingPercentage": 5}])), mesh(), OUT)
    assert choice is not None
    assert choice.off


def test_metrics_are_merged_metric_by_metric() -> None:
    outer = {"match": {"metric": "REQUEST_COUNT"}, "tagOverrides": {"a": {"value": "1"}, "b": {"value": "2"}}}
    inner = {
        "match": {"metric": "REQUEST_COUNT", "mode": "CLIENT"},
        "tagOverrides": {"b": {"operation": "REMOVE"}},
    }
    documents = [
        telemetry("root", ROOT, metrics=[{"providers": provider("prometheus"), "overrides": [outer]}]),
        telemetry("ns", "shop", metrics=[{"overrides": [inner]}]),
    ]
    client = metrics(of_cart(*documents), mesh(), OUT)["prometheus"].overrides["REQUEST_COUNT"]
    server = metrics(of_cart(*documents), mesh(), IN)["prometheus"].overrides["REQUEST_COUNT"]
    assert {k: v.operation for k, v in client.tags.items()} == {"a": 0, "b": 1}
    assert {k: v.operation for k, v in server.tags.items()} == {"a": 0, "b": 0}


def test_all_metrics_off_for_one_side_only() -> None:
    rule = {
        "providers": provider("prometheus"),
        "overrides": [{"match": {"mode": "CLIENT"}, "disabled": True}],
    }
    document = telemetry("ns", "shop", metrics=[rule])
    assert not metrics(of_cart(document), mesh(), OUT)
    assert set(metrics(of_cart(document), mesh(), IN)) == {"prometheus"}
