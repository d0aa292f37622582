"""Mistakes in YAML: each is found at its line and column, under its path, with what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from miniistiod.api.istio.networking.destination_rule_pb2 import DestinationRule
from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.api.kubernetes.core_pb2 import Service
from miniistiod.config import of_text
from miniistiod.config.wellknown import nanoseconds

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_mistake(case: dict[str, Any]) -> None:
    store = of_text(case["text"])
    found = [
        f"{d.line}:{d.column} {d.level.value} {d.code} {d.path}".rstrip() + f" | {d.remedy}"
        for d in store.diagnostics
    ]
    assert found == case["found"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1m30s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("500ms", 500_000_000),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("-1s", -1_000_000_000),
        ("0", 0),
        (".5s", 500_000_000),
        ("2µs", 2_000),
        ("", None),
        ("10", None),
        ("s", None),
        ("1d", None),
        ("1s ", None),
        ("3000000h", None),
    ],
)
def test_go_durations(text: str, expected: int | None) -> None:
    assert nanoseconds(text) == expected


def test_a_negative_duration_has_one_sign() -> None:
    store = of_text(
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: a}\n"
        "spec: {jwtRules: [{issuer: a, timeout: -1500ms}]}\n"
    )
    (wrong,) = store.diagnostics
    assert (wrong.path, wrong.cause) == ("spec.jwtRules[0].timeout", "the time must be at least 1ms")


def test_both_spellings_of_a_field_and_presence() -> None:
    (rule,) = of_text(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n  host: a\n"
        "  traffic_policy:\n    outlierDetection: {consecutive5xxErrors: 0, base_ejection_time: 30s}\n"
    ).of(DestinationRule)
    outlier = rule.message.traffic_policy.outlier_detection
    assert outlier.HasField("consecutive_5xx_errors")
    assert not outlier.HasField("consecutive_gateway_errors")
    assert outlier.base_ejection_time.seconds == 30


def test_maps_with_numbers_as_keys() -> None:
    (policy,) = of_text(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec:\n"
        "  selector: {matchLabels: {app: a}}\n  portLevelMtls: {8080: {mode: DISABLE}}\n"
    ).of(PeerAuthentication)
    assert policy.message.port_level_mtls[8080].mode == PeerAuthentication.MutualTLS.DISABLE


def test_a_free_struct_holds_what_yaml_says() -> None:
    (patch,) = of_text(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\nspec:\n"
        "  configPatches:\n  - applyTo: CLUSTER\n    patch:\n      operation: MERGE\n"
        '      value: {a: on, b: "on", c: 1.5, d: [1, null, {e: ~}], f: 0x10}\n'
    ).of(EnvoyFilter)
    value = patch.message.config_patches[0].patch.value
    assert {name: value[name] for name in ("a", "b", "c", "f")} == {"a": True, "b": "on", "c": 1.5, "f": 16}
    assert list(value["d"])[:2] == [1, None]
    assert value["d"][2].fields["e"].HasField("null_value")


def test_ports_by_number_and_by_name() -> None:
    (service,) = of_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        "spec: {ports: [{port: 1, targetPort: 80}, {port: 2, targetPort: http}, {port: 3}], unknown: [1]}\n"
    ).of(Service)
    first, second, third = service.message.spec.ports
    assert (first.target_port.number, second.target_port.name) == (80, "http")
    assert not third.HasField("target_port")


def test_anchors_and_merge_keys() -> None:
    (service,) = of_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
        "  hosts: [a]\n  http:\n  - &first\n    timeout: 5s\n    route: &to [{destination: {host: a}}]\n"
        "    match: [{uri: {prefix: /a}}]\n  - <<: *first\n    timeout: 6s\n"
        "    match: [{uri: {prefix: /b}}]\n  - {route: *to}\n"
    ).of(VirtualService)
    assert [rule.timeout.seconds for rule in service.message.http] == [5, 6, 0]
    assert {rule.route[0].destination.host for rule in service.message.http} == {"a"}
    assert service.message.http[1].match[0].uri.prefix == "/b"


def test_an_alias_bomb_is_refused() -> None:
    lists = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    text = "\n        ".join(["a0: &a0 [x]", *lists])
    store = of_text(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\nspec:\n"
        f"  configPatches:\n  - patch:\n      value:\n        {text}\n"
    )
    assert not store.objects
    assert [d.code for d in store.diagnostics] == ["too-large"]


def test_a_document_that_contains_itself_is_refused() -> None:
    store = of_text(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\nspec:\n"
        "  configPatches:\n  - applyTo: CLUSTER\n    patch: {operation: MERGE, value: &v {a: *v}}\n"
    )
    assert not store.objects
    assert [d.code for d in store.diagnostics] == ["syntax"]


def test_bytes_that_are_no_text() -> None:
    store = of_text(
        b"apiVersion: v1\nkind: Namespace\nmetadata: {name: \xff}\n".decode("utf-8", "surrogateescape")
    )
    (wrong,) = store.diagnostics
    assert (wrong.line, wrong.column, wrong.remedy) == (3, 18, "save the file as UTF-8")
