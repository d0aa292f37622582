"""Each analyser: configurations with a mistake and without; exercises have only what they mean to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod.analysis import analysis
from miniistiod.cli import main
from miniistiod.config import Store, loaded, of_text
from miniistiod.config.diagnostics import errors
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy

HERE = Path(__file__).parent
CONFIGS = HERE.parent.parent / "configs"
DOCUMENT: dict[str, Any] = yaml.safe_load((HERE / "cases.yaml").read_text())
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
VERSIONS = {"Deployment": "apps/v1"} | dict.fromkeys(("Service", "Pod", "Namespace", "Secret", "Node"), "v1")
GROUPS = {
    "PeerAuthentication": "security",
    "RequestAuthentication": "security",
    "AuthorizationPolicy": "security",
    "Telemetry": "telemetry",
    "WasmPlugin": "extensions",
    "TrafficExtension": "extensions",
}


def manifest(short: dict[str, Any]) -> dict[str, Any]:
    """A whole document from the short form of a case: {KIND: NAMESPACE/NAME, labels, spec}."""
    kind, where = next(iter(short.items()))
    namespace, _, name = where.rpartition("/")
    version = {"EnvoyFilter": "v1alpha3", "extensions": "v1alpha1"}.get(GROUPS.get(kind, kind), "v1")
    api = VERSIONS.get(kind) or f"{GROUPS.get(kind, 'networking')}.istio.io/{version}"
    if kind in ("MeshConfig", "MeshNetworks"):
        api = "install.istio.io/v1alpha1"
    if kind in ("ApiGateway", "GatewayClass", "HTTPRoute"):
        kind, api = kind.removeprefix("Api"), "gateway.networking.k8s.io/v1"
    metadata = {
        "name": name,
        "namespace": namespace or "shop",
        "labels": short.get("labels", {}),
        "annotations": short.get("annotations", {}),
        "creationTimestamp": short.get("created", "2024-01-01T00:00:00Z"),
    }
    body = {key: value for key, value in short.items() if key in ("spec", "status", "data")}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def store_of(case: dict[str, Any]) -> Store:
    """The shop that all cases share, and the objects of this one."""
    shared = [] if case.get("bare") else DOCUMENT["shop"]
    return of_text(yaml.safe_dump_all([manifest(each) for each in (*shared, *case["objects"])]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    store = store_of(case)
    assert not errors(store.diagnostics), [d.text() for d in store.diagnostics]
    found = analysis(store, snapshot(store))
    told = sorted(f"{d.level.value} {d.code} {d.subject} {d.path}" for d in found)
    assert told == sorted(case.get("messages", [])), "\n".join(d.text() for d in found)
    assert all(d.cause and d.symptom and d.remedy and d.line for d in found)


def test_a_message_stands_at_the_line_and_column_of_its_field() -> None:
    store = loaded({"a.yaml": (HERE / "place.yaml").read_text()})
    (found,) = analysis(store, snapshot(store))
    assert found.place == "a.yaml:17:17"


LABS = {
    "exercises": "bookinfo",
    "gateways/exercises": "gateways",
    "egress/exercises": "egress",
    "gateway-api/exercises": "gateway-api",
}
MEANT = {
    "exercises/08-missing-subset": {"IST0101"},
    "exercises/09-retries": {"retries-without-outlier-detection"},
    "gateways/exercises/02-tls": {"IST0101"},
}
"""What an exercise is there to show; the Secret of the TLS exercise is made by hand."""

FIRST = {"exercises": "exercises/01-subsets", "egress/exercises": "egress/exercises/01-direct"}
"""The exercise that the others of its folder go on from."""


def exercises() -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(CONFIGS)), lab)
        for folder, lab in LABS.items()
        for path in sorted((CONFIGS / folder).iterdir())
    ]


@pytest.mark.parametrize(("exercise", "lab"), exercises())
def test_an_exercise_has_only_the_messages_it_means_to_show(exercise: str, lab: str) -> None:
    folders = [CONFIGS / lab, CONFIGS / "httpbin", CONFIGS / exercise]
    before = FIRST.get(str(Path(exercise).parent))
    if before is not None:
        folders.append(CONFIGS / before)
    files = [f for folder in folders for f in sorted(folder.glob("*.yaml"))]
    store = loaded({str(f): f.read_text() for f in files})
    found = (*store.diagnostics, *analysis(store, snapshot(store)))
    codes = {d.code for d in found if d.code != "hidden-object"}
    assert codes == MEANT.get(exercise, set()), "\n".join(d.text() for d in found)


FURTHER = sorted((CONFIGS.parent / "docker" / "labs").glob("*/config"))


@pytest.mark.parametrize("folder", [CONFIGS / "bookinfo", CONFIGS / "security", *FURTHER], ids=str)
def test_a_lab_in_order_has_no_messages(folder: Path) -> None:
    store = loaded({str(f): f.read_text() for f in sorted(folder.glob("*.yaml"))})
    found = (*store.diagnostics, *analysis(store, snapshot(store)))
    assert store.objects
    assert not found, "\n".join(d.text() for d in found)


def test_analyze_has_istioctls_exit_codes(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.yaml", tmp_path / "right.yaml"
    wrong.write_text(
        yaml.safe_dump(manifest({"VirtualService": "a/b", "spec": {"hosts": ["x"], "http": [ROUTE]}}))
    )
    right.write_text(yaml.safe_dump(manifest({"Namespace": "/a", "labels": {"istio-injection": "enabled"}})))
    run = CliRunner().invoke
    assert run(main, ["analyze", "-f", str(wrong)]).exit_code == 79
    as_json = run(main, ["analyze", "-f", str(wrong), "-o", "json"])
    assert as_json.exit_code == 0
    assert [row["code"] for row in json.loads(as_json.stdout)] == ["IST0101"]
    clean = run(main, ["analyze", str(right)])
    assert (clean.exit_code, clean.stdout) == (0, "")
    assert "No validation issues" in clean.stderr


ROUTE = {"route": [{"destination": {"host": "x"}}]}


def test_validate_gives_the_webhooks_verdict(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.yaml", tmp_path / "right.yaml"
    wrong.write_text(
        yaml.safe_dump(manifest({"VirtualService": "a/b", "spec": {"hosts": ["x"], "http": [{}]}}))
    )
    right.write_text(
        yaml.safe_dump(manifest({"VirtualService": "a/b", "spec": {"hosts": ["x"], "http": [ROUTE]}}))
    )
    refused = CliRunner().invoke(main, ["validate", "-f", str(wrong)])
    assert refused.exit_code == 1
    assert "spec.http[0]" in refused.stderr
    taken = CliRunner().invoke(main, ["validate", "-f", str(right)])
    assert (taken.exit_code, taken.stdout) == (0, f'"{right}" is valid\n')


def test_what_is_told_can_be_narrowed(tmp_path: Path) -> None:
    wrong, quiet = tmp_path / "wrong.yaml", tmp_path / "quiet.yaml"
    wrong.write_text(
        yaml.safe_dump(manifest({"VirtualService": "a/b", "spec": {"hosts": ["x"], "http": [ROUTE]}}))
    )
    quiet.write_text(yaml.safe_dump(manifest({"Namespace": "/quiet"})))

    def codes(*words: str) -> list[str]:
        done = CliRunner().invoke(main, ["analyze", str(wrong), str(quiet), "-o", "json", *words])
        return [row["code"] for row in json.loads(done.stdout)]

    assert codes() == ["IST0101", "IST0102"]
    assert codes("--output-threshold", "Warning") == ["IST0101"]
    assert codes("-S", "IST0101=VirtualService b.a") == ["IST0102"]
    assert codes("-S", "IST0101=VirtualService b.*", "-S", "IST0102=Namespace *") == []
    assert codes("-S", "IST0101=VirtualService c.a", "-S", "IST0102=Service *") == ["IST0101", "IST0102"]
    silenced = ["analyze", str(wrong), "-S", "IST0101=* b.a"]
    assert CliRunner().invoke(main, silenced).exit_code == 0
    unseen = ["analyze", str(quiet), "--output-threshold", "error", "--failure-threshold", "info"]
    assert CliRunner().invoke(main, unseen).exit_code == 79


EDGE = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: edge}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [cart.example]
  - port: {number: 8443, name: tcp, protocol: TCP}
    hosts: ["*"]
"""


@pytest.mark.parametrize(("unprivileged", "told"), [("true", ["edge.yaml:8:20"]), ("", [])])
def test_a_connected_router_without_privileges_opens_no_low_port(unprivileged: str, told: list[str]) -> None:
    metadata = {"NAMESPACE": "shop", "LABELS": {"istio": "edge"}, "UNPRIVILEGED_POD": unprivileged}
    tree = {"id": "router~10.1.0.2~edge-1.shop~shop.svc.cluster.local", "metadata": metadata}
    router = proxy(json_format.ParseDict(tree, Node()))
    store = loaded({"edge.yaml": EDGE})
    found = analysis(store, snapshot(store), [router])
    assert [d.place for d in found if d.code == "privileged-port"] == told
