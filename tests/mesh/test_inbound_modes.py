"""Which mode of mutual TLS a workload accepts, after Istio's rules of inheritance and age."""

from __future__ import annotations

from typing import Any

import yaml

from miniistiod.config import of_text
from miniistiod.mesh.inbound_modes import InboundModes, Mode, inbound_modes

ROOT = "istio-system"


def policy(name: str, namespace: str, mode: str = "", created: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    if created:
        metadata["creationTimestamp"] = created
    spec = {**({"mtls": {"mode": mode}} if mode else {}), **more}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": metadata,
        "spec": spec,
    }


def modes(*documents: dict[str, Any]) -> InboundModes:
    store = of_text(yaml.safe_dump_all(documents), "test.yaml")
    return inbound_modes(store.of_kind("PeerAuthentication"), ROOT)


SELECTOR = {"matchLabels": {"app": "cart"}}


def test_nobody_says_anything() -> None:
    assert modes() == InboundModes(Mode.PERMISSIVE)


def test_the_nearer_policy_wins() -> None:
    mesh, namespace = policy("m", ROOT, "STRICT"), policy("n", "shop", "DISABLE")
    assert modes(mesh).mode == Mode.STRICT
    assert modes(mesh, namespace).mode == Mode.DISABLE
    assert modes(mesh, namespace, policy("w", "shop", "STRICT", selector=SELECTOR)).mode == Mode.STRICT


def test_unset_takes_the_mode_of_the_level_above() -> None:
    assert modes(policy("m", ROOT, "STRICT"), policy("n", "shop", "UNSET")).mode == Mode.STRICT


def test_the_oldest_of_a_level_wins() -> None:
    old = policy("z", "shop", "STRICT", "2026-01-01T00:00:00Z")
    young = policy("a", "shop", "DISABLE", "2026-01-02T00:00:00Z")
    assert modes(young, old).mode == Mode.STRICT


def test_ports_of_the_workloads_own_policy() -> None:
    ports = {8080: {"mode": "DISABLE"}, 9090: {"mode": "UNSET"}}
    found = modes(policy("w", "shop", "STRICT", selector=SELECTOR, portLevelMtls=ports))
    assert found.of(8080) == Mode.DISABLE
    assert found.of(9090) == Mode.STRICT
    assert found.of(7070) == Mode.STRICT
