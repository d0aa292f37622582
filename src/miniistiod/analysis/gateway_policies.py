"""Policies that select a gateway of the Gateway API by labels, which Istio means to leave to targetRefs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.selections import labels_text
from miniistiod.analysis.world import World
from miniistiod.api.istio.extensions.wasm_pb2 import WasmPlugin
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.api.istio.telemetry.telemetry_pb2 import Telemetry
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.policies import GATEWAY_NAME, selected, target_references

KINDS: tuple[Any, ...] = (AuthorizationPolicy, RequestAuthentication, Telemetry, WasmPlugin)


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each such policy, and one gateway that it selects."""
    gateways = [each for each in world.workloads if GATEWAY_NAME in each.labels]
    for kind in KINDS:
        policies: tuple[Object[Any], ...] = world.store.of(kind)
        for policy in policies:
            if target_references(policy.message) or not policy.message.HasField("selector"):
                continue
            wanted = policy.message.selector.match_labels
            near = [each for each in gateways if each.namespace == policy.namespace]
            chosen = next((each for each in near if selected(wanted, each.labels)), None)
            if chosen is not None:
                name = chosen.labels[GATEWAY_NAME]
                yield message(
                    WARNING,
                    "IST0166",
                    policy,
                    "spec.selector",
                    f"{labels_text(wanted)} selects the workload of Gateway {name}, which targetRefs are for",
                    "an istiod that no longer obeys selectors there lets pass: no 401, no 403 (RBAC)",
                    f"write targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: {name}}}]",
                )
