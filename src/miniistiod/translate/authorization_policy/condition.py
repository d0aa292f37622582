"""Condition → a further term on the caller (Principal) or on what is asked for (Permission), by its key."""

from __future__ import annotations

from envoy.config.rbac.v3.rbac_pb2 import Permission, Principal

from miniistiod.api.istio.security import authorization_policy_pb2 as api
from miniistiod.translate.authorization_policy import permission, principal, trust_domain
from miniistiod.translate.authorization_policy.enforcement import Enforcement

SOURCE_PRINCIPAL = "source.principal"
REQUEST_HEADER = "request.headers"
REQUEST_CLAIMS = "request.auth.claims"
ENVOY_FILTER = "experimental.envoy.filters."

OF_CALLER: dict[str, principal.Attribute] = {
    "source.ip": principal.direct_ip,
    "remote.ip": principal.remote_ip,
    "source.namespace": principal.namespace,
    "source.trustDomain": principal.source_trust_domain,
    "source.serviceAccount": principal.service_account,
    SOURCE_PRINCIPAL: principal.peer,
    "request.auth.principal": principal.request_principal,
    "request.auth.audiences": principal.request_claim("[aud]", "request.auth.audiences"),
    "request.auth.presenter": principal.request_claim("[azp]", "request.auth.presenter"),
}
OF_REQUEST: dict[str, permission.Attribute] = {
    "destination.ip": permission.destination_ip,
    "destination.port": permission.port,
    "connection.sni": permission.server_name,
}


def known(key: str) -> bool:
    """Whether istiod knows a condition of this key; a rule with another is left out whole."""
    bracketed = (REQUEST_HEADER, REQUEST_CLAIMS, ENVOY_FILTER)
    return key in OF_CALLER or key in OF_REQUEST or key.startswith(bracketed)


def of_caller(message: api.Condition, where: Enforcement, sources: int) -> list[Principal]:
    """The terms on the caller; [] for a key that is about the request.

    istiod widens a source.principal to the trust domain aliases once for each of the rule's `sources`, so
    with aliases and several sources it lists the same names several times. So do we.
    """
    attribute = _of_caller(message.key)
    if attribute is None:
        return []
    values, not_values = list(message.values), list(message.not_values)
    if message.key == SOURCE_PRINCIPAL:
        for _ in range(sources - 1):
            values = trust_domain.principals(values, where.trust_domains)
            not_values = trust_domain.principals(not_values, where.trust_domains)
    return where.terms(attribute, values, not_values, principal.nobody_of)


def of_request(message: api.Condition, where: Enforcement) -> list[Permission]:
    """The terms on what is asked for; [] for a key that is about the caller."""
    attribute = _of_request(message.key)
    if attribute is None:
        return []
    return where.terms(attribute, message.values, message.not_values, permission.nothing_of)


def _of_caller(key: str) -> principal.Attribute | None:
    if key.startswith(REQUEST_HEADER):
        return principal.request_header(key.removeprefix(REQUEST_HEADER))
    if key.startswith(REQUEST_CLAIMS):
        return principal.request_claim(key.removeprefix(REQUEST_CLAIMS), key)
    return OF_CALLER.get(key)


def _of_request(key: str) -> permission.Attribute | None:
    if key.startswith(ENVOY_FILTER):
        return permission.filter_metadata(key)
    return OF_REQUEST.get(key)
