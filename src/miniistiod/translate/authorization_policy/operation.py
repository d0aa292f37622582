"""Operation → what must be true of the request, in the order istiod lists it."""

from __future__ import annotations

from envoy.config.rbac.v3.rbac_pb2 import Permission

from miniistiod.api.istio.security import authorization_policy_pb2 as api
from miniistiod.translate.authorization_policy import permission
from miniistiod.translate.authorization_policy.enforcement import Enforcement

FIELDS: tuple[tuple[str, permission.Attribute], ...] = (
    ("hosts", permission.host),
    ("methods", permission.method),
    ("paths", permission.path),
    ("ports", permission.port),
)


def operation(message: api.Operation, where: Enforcement) -> list[Permission]:
    """The terms that must all hold; each field has a `not_` twin."""
    terms = []
    for field, attribute in FIELDS:
        values, not_values = getattr(message, field), getattr(message, f"not_{field}")
        terms += where.terms(attribute, values, not_values, permission.nothing_of)
    return terms
