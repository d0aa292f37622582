"""How much is made for a change: what changed, however many services and proxies there are. Counted, not
timed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod.config import Store, loaded
from miniistiod.generate.resources import resources
from miniistiod.mesh.kept import MEMORY, Entry, Memory
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import Proxy, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS

SIZES = ((3, 2), (12, 2), (3, 9))
"""Services and proxies."""

SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: svc-{i}, namespace: default}}
spec: {{clusterIP: 10.96.0.{i}, ports: [{{name: http, port: 80}}], selector: {{app: svc-{i}}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: svc-{i}, namespace: default}}
spec:
  host: svc-{i}
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: svc-{i}, namespace: default}}
spec:
  hosts: [svc-{i}]
  http:
  - route:
    - {{destination: {{host: svc-{i}, subset: v1}}, weight: {weight}}}
    - {{destination: {{host: svc-{i}, subset: v2}}, weight: {rest}}}
"""

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: svc-{i}-{n}, namespace: default, labels: {{app: svc-{i}, version: v1}}}}
status: {{podIP: 10.1.{i}.{n}, phase: Running}}
---
"""

PARTS = ("load_assignment", "service_clusters", "http_listener", "table", "virtual_host", "rule_routes")
"""The functions that serialise something."""


def service(i: int, weight: int = 50) -> str:
    """The documents of one service."""
    return SERVICE.format(i=i, weight=weight, rest=100 - weight)


def pods(i: int, count: int) -> str:
    """The Pods behind it."""
    return "".join(POD.format(i=i, n=n) for n in range(1, count + 1))


def sidecar(i: int) -> Proxy:
    """A proxy that is nobody's workload."""
    node_id = f"sidecar~10.2.0.{i}~client-{i}.default~default.svc.cluster.local"
    return proxy(json_format.ParseDict({"id": node_id, "metadata": {"NAMESPACE": "default"}}, Node()))


class Fleet:
    """Proxies that follow a store."""

    def __init__(self, services: int, proxies: int) -> None:
        files = {f"{i}.yaml": service(i) for i in range(services)}
        files |= {f"pods-{i}.yaml": pods(i, 2) for i in range(services)}
        self.store: Store = loaded(files)
        self.proxies = [sidecar(i) for i in range(proxies)]
        self.scopes: list[ProxyScope | None] = [None] * proxies
        self.follow()

    def follow(self) -> list[ProxyScope]:
        """Everything that all proxies have now."""
        mesh = snapshot(self.store)
        scopes = [ProxyScope(p, mesh, b) for p, b in zip(self.proxies, self.scopes, strict=True)]
        for scope in scopes:
            for type_url in (CDS, EDS, LDS, RDS):
                resources(scope, type_url)
        self.scopes = [*scopes]
        return scopes

    def change(self, file: str, text: str) -> None:
        """Another text for one file, and what follows from it."""
        self.store = self.store.with_file(file, text)
        self.follow()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kept function was really run."""
    count: Counter[str] = Counter()
    run = Memory.made

    def counted(self: Memory, function: Any, arguments: Any) -> Entry:
        count[function.__name__] += 1
        return run(self, function, arguments)

    MEMORY.entries.clear()
    monkeypatch.setattr(Memory, "made", counted)
    return count


@pytest.mark.parametrize(("services", "proxies"), SIZES)
def test_a_changed_weight_makes_one_virtual_host_and_joins_one_table(
    made: Counter[str], services: int, proxies: int
) -> None:
    fleet = Fleet(services, proxies)
    assert made["virtual_host"] == services
    assert made["listeners"] == made["clusters"] == made["endpoints"] == proxies
    made.clear()
    fleet.change("0.yaml", service(0, weight=90))
    assert {name: made[name] for name in PARTS if made[name]} == {
        "rule_routes": 1,
        "virtual_host": 1,
        "table": 1,
    }
    assert made["listeners"] == made["clusters"] == made["endpoints"] == 0


@pytest.mark.parametrize(("services", "proxies"), SIZES)
def test_a_new_endpoint_makes_the_assignments_of_its_service_only(
    made: Counter[str], services: int, proxies: int
) -> None:
    fleet = Fleet(services, proxies)
    made.clear()
    fleet.change("pods-0.yaml", pods(0, 3))
    assert {name: made[name] for name in PARTS if made[name]} == {"load_assignment": 3}
    assert made["listeners"] == made["clusters"] == made["routes"] == 0


@pytest.mark.parametrize(("services", "proxies"), SIZES)
def test_a_document_that_means_nothing_to_a_proxy_makes_nothing(
    made: Counter[str], services: int, proxies: int
) -> None:
    fleet = Fleet(services, proxies)
    made.clear()
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: far}\n"
    fleet.change("secret.yaml", text)
    assert not any(made[name] for name in (*PARTS, "clusters", "endpoints", "listeners", "routes"))


def test_a_proxy_more_makes_only_what_is_its_own(made: Counter[str]) -> None:
    fleet = Fleet(5, 2)
    made.clear()
    mesh = snapshot(fleet.store)
    scope = ProxyScope(sidecar(9), mesh)
    for type_url in (CDS, EDS, LDS, RDS):
        resources(scope, type_url)
    assert not any(made[name] for name in PARTS)
