"""Annotations that say how istiod should treat an object: the dry run, and those that are istiod's own.

Source: validateMetadata in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.config.objects import AnyObject
from miniistiod.config.validation.finding import Finding, Findings

DRY_RUN = "istio.io/dry-run"
RESERVED = {
    "internal.istio.io/webhook-always-reject": "every object with it is refused",
    "internal.istio.io/parents": "only istiod itself may set it",
    "internal.istio.io/parent-namespace": "only istiod itself may set it",
}
BOOLEANS = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))


def rules(one: AnyObject) -> Findings:
    """What the annotations of an Istio object may say."""
    for name, reason in RESERVED.items():
        if name in one.annotations:
            yield _refused(name, f"the annotation {name} is not for users: {reason}", "remove it")
    if DRY_RUN in one.annotations:
        yield from _dry_run(one)


def _dry_run(one: AnyObject) -> Findings:
    policy = one.message
    if not isinstance(policy, AuthorizationPolicy):
        yield _refused(
            DRY_RUN, "only an AuthorizationPolicy can be tried out by a dry run", "remove the annotation"
        )
    elif policy.action not in (AuthorizationPolicy.ALLOW, AuthorizationPolicy.DENY):
        yield _refused(
            DRY_RUN, "only ALLOW and DENY policies can be tried out by a dry run", "remove the annotation"
        )
    elif one.annotations[DRY_RUN] not in BOOLEANS:
        yield _refused(
            DRY_RUN, f'"{one.annotations[DRY_RUN]}" is neither true nor false', 'write "true" or "false"'
        )


def _refused(name: str, message: str, remedy: str) -> Finding:
    return Finding(("metadata", "annotations", name), message, remedy, metadata=True)
