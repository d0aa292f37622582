"""Compose files: what a description becomes, and that those in docker/labs are made from their config/."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from miniistiod.lab.agent import agent_files, istio_proxy_variant
from miniistiod.lab.compose import compose
from miniistiod.lab.container import lay, redirections, rules
from miniistiod.lab.description import lab_of
from miniistiod.lab.store import Store, documents_of

CONFIGS = Path(__file__).parents[2] / "configs"
LABS = Path(__file__).parents[2] / "docker" / "labs"
MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v1}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: mini-istiod-app, args: [httpbin], ports: [{containerPort: 8080}]}]}
"""


@pytest.mark.parametrize("folder", sorted(LABS.iterdir()), ids=lambda folder: folder.name)
def test_a_labs_compose_file_is_what_its_config_becomes(folder: Path) -> None:
    made = compose(Store(folder / "config").documents(), f"docker/labs/{folder.name}")
    assert (folder / "docker-compose.yaml").read_text() == made


OWN = {
    "authz-jwt/other.yaml",
    "canary-control-plane/mesh.yaml",
    "egress/egress.yaml",
    "egress/mesh.yaml",
    "httpbin-ingress/ingress.yaml",
}
"""Descriptions that only a compose lab has; all others are those of the labs in network namespaces."""


@pytest.mark.parametrize("folder", sorted(LABS.iterdir()), ids=lambda folder: folder.name)
def test_both_back_ends_run_the_same_descriptions(folder: Path) -> None:
    """A learner edits config/ of a compose lab, so it holds copies; one that drifts would be a second lab."""
    known = {path.read_bytes() for path in CONFIGS.rglob("*.yaml")}
    own = {
        f"{folder.name}/{p.name}" for p in folder.glob("config/[a-z]*.yaml") if p.read_bytes() not in known
    }
    assert own == {name for name in OWN if name.startswith(f"{folder.name}/")}


def test_the_variant_with_istios_own_proxy_is_what_the_config_becomes() -> None:
    folder = LABS / "mtls"
    made = istio_proxy_variant(Store(folder / "config").documents(), "docker/labs/mtls")
    assert (folder / "docker-compose.istio-proxy.yaml").read_text() == made


def test_istios_agent_is_told_what_the_stock_envoys_bootstrap_says() -> None:
    """Read as a shell reads it, for that is who does."""
    workload = lab_of(documents_of(MESH)).workloads[0]
    files = dict(agent_files(workload, {"concurrency": 2}))
    shell = ["sh", "-c", f"set -a\n{files['agent-environment']}\nenv -0"]
    lines = subprocess.run(shell, env={}, capture_output=True, text=True, check=True).stdout.split("\0")
    told = dict(line.split("=", 1) for line in lines if line)
    assert (told["POD_NAME"], told["SERVICE_ACCOUNT"], told["PROXY_TYPE"]) == ("web-v1", "default", "sidecar")
    assert json.loads(told["PROXY_CONFIG"]) == {
        "concurrency": 2,
        "discoveryAddress": "istiod.istio-system.svc:15012",
    }
    assert json.loads(told["ISTIO_META_POD_PORTS"])[0]["containerPort"] == 8080
    assert 'security.istio.io/tlsMode="istio"' in files["labels"].splitlines()


def services(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose(documents_of(text), "x"))["services"]
    return found


def test_a_workload_is_a_pod_a_program_and_a_proxy_in_one_network() -> None:
    found = services(MESH)
    parts = {name for name, each in found.items() if each.get("profiles") == ["observability"]}
    assert set(found) - parts == {"istiod", "tokens", "web-v1-pod", "web-v1", "web-v1-proxy"}
    assert {found[n]["network_mode"] for n in ("web-v1", "web-v1-proxy")} == {"service:web-v1-pod"}
    assert "web.default.svc.cluster.local" in found["web-v1-pod"]["networks"]["default"]["aliases"]
    assert "web" in found["web-v1-pod"]["networks"]["default"]["aliases"]


def test_only_the_pod_may_change_its_network_and_only_two_see_the_authority() -> None:
    found = services(MESH)
    assert [n for n, s in found.items() if "NET_ADMIN" in s.get("cap_add", ())] == ["web-v1-pod"]
    assert [n for n, s in found.items() if "ca:/ca" in s.get("volumes", ())] == ["istiod", "tokens"]


def test_a_sidecars_rules_know_envoy_by_its_user() -> None:
    lab = lab_of(documents_of(MESH))
    assert "-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN" in rules(lab.workloads[0], lab).splitlines()


def test_a_service_port_leads_to_the_port_of_a_workload_without_sidecar() -> None:
    lab = lab_of(documents_of(MESH.replace("istio-injection: enabled", "a: b")))
    assert list(redirections(lab.workloads[0], lab)) == [
        "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080"
    ]


def test_docker_keeps_the_rules_of_its_own_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda argv, **_: seen.append(argv))
    lay("*nat\nCOMMIT\n")
    assert "--noflush" in seen[0]


def test_further_revisions_are_control_planes_of_their_own() -> None:
    namespace = (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: istio-system\n"
        "  annotations: {lab.mini-istiod.io/revisions: canary}\n---\n"
    )
    found = services(namespace + MESH)
    assert "istiod-canary" in found
    assert "--reported" in found["web-v1-pod"]["command"]
