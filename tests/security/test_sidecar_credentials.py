"""A sidecar is given the key of a Secret only where a DestinationRule that selects it names the Secret."""

from __future__ import annotations

import pytest
import yaml

from miniistiod.config import of_text
from miniistiod.generate.secrets import secrets
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.parity import nodes

TEXT = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: mine, namespace: shop}
data: {tls.crt: Q0VSVA==, tls.key: S0VZ, ca.crt: Uk9PVFM=}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: shop}
data: {tls.crt: Q0VSVA==, tls.key: S0VZ, ca.crt: Uk9PVFM=}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  %s
  trafficPolicy: {tls: {mode: MUTUAL, credentialName: mine}}
"""
POD = """
metadata: {name: a, namespace: %s, labels: {app: client}, annotations: {proxy: sidecar}}
status: {podIP: 10.0.0.9}
"""


def keys(selector: str, namespace: str = "shop") -> set[str]:
    """The names under which a sidecar of this namespace can have private keys."""
    node = nodes.node(yaml.safe_load(POD % namespace))
    scope = ProxyScope(proxy(node), snapshot(of_text(TEXT % selector, "f")))
    return {name for part in secrets(scope) for name, made in part.items() if b"KEY" in made.body}


@pytest.mark.parametrize(
    ("selector", "namespace", "given"),
    [
        ("workloadSelector: {matchLabels: {app: client}}", "shop", {"mine", "shop/mine"}),
        ("workloadSelector: {matchLabels: {app: other}}", "shop", set()),
        ("", "shop", set()),
        ("workloadSelector: {matchLabels: {app: client}}", "elsewhere", set()),
    ],
)
def test_a_sidecar_has_the_keys_that_rules_for_it_name(
    selector: str, namespace: str, given: set[str]
) -> None:
    assert keys(selector, namespace) == {f"kubernetes://{name}" for name in given}
