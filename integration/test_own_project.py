"""The pytest plugin from somebody else's project: a folder of their own, no fixture of ours, plain output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEADLINE = 1200
"""Seconds: only for what hangs."""
MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: http-admin, port: 81, targetPort: 8081}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: shop
        image: registry.example.com/team/shop:7
        ports: [{containerPort: 8080}, {containerPort: 8081}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client}
spec:
  selector: {matchLabels: {app: client}}
  template:
    metadata: {labels: {app: client}}
    spec:
      containers: [{name: client, image: curlimages/curl}]
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - match: [{uri: {prefix: /gone}}]
    directResponse: {status: 410}
  - route: [{destination: {host: shop, port: {number: 80}}}]
"""
FILTER = """
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: impossible}
spec:
  workloadSelector: {labels: {app: client}}
  configPatches:
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, cluster: {service: shop.default.svc.cluster.local}}
    patch: {operation: MERGE, value: {lb_policy: CLUSTER_PROVIDED}}
"""
TESTS = """
from pathlib import Path
import pytest
pytestmark = pytest.mark.lab("mesh")

def test_a_rule(lab):
    with lab.rules(Path("rules/shop.yaml")):
        assert [reply.status for reply in lab.client.send("http://shop/gone", count=3)] == [410] * 3
        assert lab.client.send("http://shop/orders/7")[0].json()["hostname"] == "shop"

def test_every_port_of_an_unknown_image_is_played(lab):
    assert lab.client.send("http://shop:81/")[0].status == 200

def test_a_mistake(lab):
    with lab.rules(Path("rules/misspelt.yaml")):
        pass

def test_a_refusal(lab):
    with lab.rules(Path("rules/filter.yaml")):
        pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a mesh, rules and tests."""
    files = {
        "mesh/mesh.yaml": MESH,
        "rules/shop.yaml": RULE,
        "rules/misspelt.yaml": RULE.replace("http:", "htpp:"),
        "rules/filter.yaml": FILTER,
        "test_mesh.py": TESTS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_rules_hold_and_faults_are_told_in_plain_words(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "--rootdir", ".", "test_mesh.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert "2 failed, 2 passed" in done.stdout, done.stdout[-5000:] + done.stderr[-2000:]
    assert (
        "rules/misspelt.yaml:7:3: Error [unknown-field] VirtualService default/shop, spec.htpp" in done.stdout
    )
    assert "did you mean http?" in done.stdout
    assert "~client.default~default.svc.cluster.local refuses CDS (outbound|80||shop" in done.stdout
    assert "cluster provided LB specified" in done.stdout
