"""The table of names that a DNS proxy is given: what istiod gives it, one for all who see the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from google.protobuf.json_format import ParseDict

from miniistiod.api.istio.envoy.nds_pb2 import NameTable
from miniistiod.config import of_text
from miniistiod.generate.names import NAMELESS
from miniistiod.generate.resources import resources
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.type_rules import NDS
from tests.parity import nodes

HERE = Path(__file__).parent / "names"
WORLD = (HERE / "world.yaml").read_text()
TABLES: dict[str, Any] = yaml.safe_load((HERE / "tables.yaml").read_text())
ROUTER = """
apiVersion: v1
kind: Pod
metadata: {name: edge, namespace: shop, labels: {istio: edge}, annotations: {proxy: router}}
spec: {serviceAccountName: edge, containers: [{name: app}]}
status: {podIP: 10.9.0.7, phase: Running}
"""


def scopes(text: str) -> dict[str, ProxyScope]:
    """The scope of each proxy."""
    mesh = snapshot(of_text(text))
    return {key: ProxyScope(proxy(nodes.node(pod)), mesh) for key, pod in nodes.pods_of(text).items()}


def table(scope: ProxyScope) -> NameTable:
    """The only resource."""
    (part,) = resources(scope, NDS)
    return NameTable.FromString(part[NAMELESS].body)


def test_each_proxy_gets_the_names_it_may_see() -> None:
    found = {key: table(scope) for key, scope in scopes(WORLD).items()}
    assert found == {key: ParseDict({"table": rows}, NameTable()) for key, rows in TABLES.items()}


def test_a_gateway_gets_an_empty_table() -> None:
    assert table(scopes(f"{WORLD}---{ROUTER}")["edge.shop"]) == NameTable()


def test_it_is_the_same_part_for_all_who_see_the_same() -> None:
    other = ROUTER.replace("router", "sidecar")
    found = scopes(f"{WORLD}---{other}")
    assert resources(found["edge.shop"], NDS)[0] is resources(found["cart-v1-1.shop"], NDS)[0]
