"""Rule → rbac Policy: one of the sources, one of the operations, and every condition.

None when the rule cannot be enforced and is left out, which for ALLOW allows less.
"""

from __future__ import annotations

from envoy.config.rbac.v3.rbac_pb2 import Permission, Policy, Principal

from miniistiod.api.istio.security import authorization_policy_pb2 as api
from miniistiod.translate.authorization_policy import condition, permission, principal
from miniistiod.translate.authorization_policy.enforcement import Enforcement, Unenforceable
from miniistiod.translate.authorization_policy.operation import operation
from miniistiod.translate.authorization_policy.source import source

NEVER = Policy(
    permissions=[Permission(not_rule=Permission(any=True))],
    principals=[Principal(not_id=Principal(any=True))],
)
"""What a policy without rules becomes: it matches nothing, so ALLOW with it allows nothing."""


def rule(message: api.Rule, where: Enforcement) -> Policy | None:
    """The policy of one rule; a missing `from` is anybody, a missing `to` is any request."""
    if not all(condition.known(c.key) for c in message.when):
        return None
    try:
        return Policy(permissions=_permissions(message, where), principals=_principals(message, where))
    except Unenforceable:
        return None


def _permissions(message: api.Rule, where: Enforcement) -> list[Permission]:
    further = [term for c in message.when for term in condition.of_request(c, where)]
    operations = [operation(to.operation, where) for to in message.to] or [[]]
    return [permission.all_of(terms + further) for terms in operations]


def _principals(message: api.Rule, where: Enforcement) -> list[Principal]:
    origins = getattr(message, "from")  # a keyword of Python, so no plain attribute
    further = [term for c in message.when for term in condition.of_caller(c, where, len(origins))]
    sources = [source(origin.source, where) for origin in origins] or [[]]
    return [principal.all_of(terms + further) for terms in sources]
