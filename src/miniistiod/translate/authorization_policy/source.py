"""Source → what must be true of the caller, in the order istiod lists it."""

from __future__ import annotations

from envoy.config.rbac.v3.rbac_pb2 import Principal

from miniistiod.api.istio.security import authorization_policy_pb2 as api
from miniistiod.translate.authorization_policy import principal
from miniistiod.translate.authorization_policy.enforcement import Enforcement

FIELDS: tuple[tuple[str, principal.Attribute], ...] = (
    ("principals", principal.peer),
    ("request_principals", principal.request_principal),
    ("service_accounts", principal.service_account),
    ("trust_domains", principal.source_trust_domain),
    ("namespaces", principal.namespace),
    ("remote_ip_blocks", principal.remote_ip),
    ("ip_blocks", principal.direct_ip),
)


def source(message: api.Source, where: Enforcement) -> list[Principal]:
    """The terms that must all hold; each field has a `not_` twin."""
    terms = []
    for field, attribute in FIELDS:
        values, not_values = getattr(message, field), getattr(message, f"not_{field}")
        terms += where.terms(attribute, values, not_values, principal.nobody_of)
    return terms
