"""Rules for what a policy applies to: labels of workloads, or targets by name.

Source: validateWorkloadSelector and validatePolicyTargetReference in istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.istio.extensions.traffic_extension_pb2 import TrafficExtension
from miniistiod.api.istio.extensions.wasm_pb2 import WasmPlugin
from miniistiod.api.istio.networking.sidecar_pb2 import WorkloadSelector as LabelSelector
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.api.istio.telemetry.telemetry_pb2 import Telemetry
from miniistiod.api.istio.type.selector_pb2 import PolicyTargetReference, WorkloadSelector
from miniistiod.config.validation.finding import Findings, Steps, error, warning

TARGETS = {
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
}
EVERYTHING = "a selector without labels selects every workload"

Targeted = AuthorizationPolicy | RequestAuthentication | Telemetry | WasmPlugin | TrafficExtension
"""The kinds that choose by selector, targetRef or targetRefs."""


def workload_selector(selector: WorkloadSelector, steps: Steps) -> Findings:
    """A selector with matchLabels."""
    yield from _labels(selector.match_labels, (*steps, "matchLabels"))
    if not selector.match_labels:
        yield from warning(steps, EVERYTHING, "add matchLabels, or remove it")


def label_selector(selector: LabelSelector, steps: Steps) -> Findings:
    """A selector with labels, as Sidecar, ServiceEntry and EnvoyFilter have it."""
    yield from _labels(selector.labels, (*steps, "labels"))
    if not selector.labels:
        yield from warning(steps, EVERYTHING, "add labels, or remove it")


def _labels(labels: Mapping[str, str], steps: Steps) -> Findings:
    for key, value in sorted(labels.items()):
        if not key:
            yield from error(steps, f"={value} has no name", "write the name of the label")
        if "*" in key + value:
            message = f"{key}={value}: labels are compared as they are, * is no wildcard"
            yield from error((*steps, key), message, "write the whole value")


def policy_targets(policy: Targeted) -> Findings:
    """selector, targetRef and targetRefs: one of them, and each target one that istiod knows."""
    single = "targetRef" in policy.DESCRIPTOR.fields_by_name and policy.HasField("targetRef")
    given = [*(["selector"] if policy.HasField("selector") else []), *(["targetRef"] if single else [])]
    given += ["targetRefs"] if policy.targetRefs else []
    if len(given) > 1:
        yield from error((given[1],), f"{given[0]} beside {given[1]}", "keep one of them")
    if policy.HasField("selector"):
        yield from workload_selector(policy.selector, ("selector",))
    if single and not isinstance(policy, TrafficExtension):
        yield from target(policy.targetRef, ("targetRef",))
    for index, one in enumerate(policy.targetRefs):
        yield from target(one, ("targetRefs", index))


def target(one: PolicyTargetReference, steps: Steps) -> Findings:
    """One object that a policy is for."""
    if not one.name:
        yield from error(steps, "the target has no name", "add name")
    if one.namespace:
        message = "a target is always in the policy's own namespace"
        yield from error((*steps, "namespace"), message, "remove namespace")
    if (one.group, one.kind) not in TARGETS:
        message = f"a policy cannot be for {one.kind} of the group {one.group or 'core'}"
        known = ", ".join(sorted({f"{group or 'core'}/{kind}" for group, kind in TARGETS}))
        yield from error(steps, message, f"write one of {known}")
