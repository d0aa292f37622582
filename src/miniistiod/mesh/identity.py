"""SPIFFE identities: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT."""

from __future__ import annotations

from collections.abc import Iterable

SCHEME = "spiffe://"


def identity(trust_domain: str, namespace: str, service_account: str) -> str:
    """The identity of a service account; "" when there is none."""
    return f"{SCHEME}{trust_domain}/ns/{namespace}/sa/{service_account}" if service_account else ""


def in_every_domain(identities: Iterable[str], aliases: Iterable[str]) -> tuple[str, ...]:
    """The identities and each of them under every alias of the trust domain, sorted.

    A name that is no SPIFFE identity (a DNS name, say) stays as it is.
    """
    found = set(identities)
    paths = [each.removeprefix(SCHEME).partition("/")[2] for each in found if each.startswith(SCHEME)]
    found.update(f"{SCHEME}{alias}/{path}" for alias in aliases for path in paths)
    return tuple(sorted(found))
