"""The rules of AuthorizationPolicies with one action → one set of rbac policies, by name.

The names are what Envoy's statistics and access logs show, and for CUSTOM what ext_authz looks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.rbac.v3.rbac_pb2 import RBAC, Policy

from miniistiod.api.istio.security import authorization_policy_pb2 as api
from miniistiod.translate.authorization_policy.enforcement import Enforcement
from miniistiod.translate.authorization_policy.rule import NEVER, rule

EXT_AUTHZ = "istio-ext-authz"
"""The first part of the names of CUSTOM policies: a match of one of them makes ext_authz ask."""

SHADOW_PREFIX = {RBAC.ALLOW: "istio_dry_run_allow_", RBAC.DENY: "istio_dry_run_deny_"}
"""The prefix of the statistics of dry-run rules; those of AUDIT have none."""

EXT_AUTHZ_SHADOW_PREFIX = "istio_ext_authz_"


def policies(
    message: api.AuthorizationPolicy, name: str, where: Enforcement, prefix: str = ""
) -> Iterator[tuple[str, Policy]]:
    """The named rbac policies of one AuthorizationPolicy; `where.namespace` is its namespace."""
    label = f"{prefix}ns[{where.namespace}]-policy[{name}]-rule"
    if not message.rules:
        yield f"{label}[0]", NEVER
    for index, each in enumerate(message.rules):
        policy = rule(each, where)
        if policy is not None:
            yield f"{label}[{index}]", policy


def custom_prefix(provider: str) -> str:
    """What stands before the names of the CUSTOM policies of a provider."""
    return f"{EXT_AUTHZ}-{provider}-" if provider else f"{EXT_AUTHZ}-"


def shadow_prefix(shadow: RBAC | None) -> str:
    """The prefix for dry-run rules; without any istiod still writes the one of ALLOW."""
    return SHADOW_PREFIX.get(RBAC.ALLOW if shadow is None else shadow.action, "")
