"""Principals and trust domains of a policy, widened to the aliases of the mesh's trust domain.

A principal is DOMAIN/ns/NAMESPACE/sa/ACCOUNT. `cluster.local` always stands for the mesh's own domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LOCAL = "cluster.local"
_PARTS = 5


def principals(values: Sequence[str], trust_domains: Sequence[str]) -> list[str]:
    """Each principal of one of the mesh's domains once for each of them; the others as they are."""
    return [alias for value in values for alias in _aliases(value, trust_domains)]


def domains(values: Sequence[str], trust_domains: Sequence[str]) -> list[str]:
    """Each of the mesh's domains as all of them; the others as they are. Nothing twice."""
    return _once(d for value in values for d in (trust_domains if value in trust_domains else (value,)))


def _aliases(principal: str, trust_domains: Sequence[str]) -> list[str]:
    domain, _, account = principal.partition("/")
    names_domain = principal.count("/") == _PARTS - 1 and domain != "*"
    if not names_domain or not (domain == LOCAL or any(_overlap(domain, own) for own in trust_domains)):
        return [principal]
    return _once(principal if _suffix(own, domain) else f"{own}/{account}" for own in trust_domains)


def _overlap(one: str, other: str) -> bool:
    """Whether either, read as a pattern, matches the other."""
    patterns = ((one, other), (other, one))
    return one == other or other == "*" or any(_prefix(a, b) or _suffix(a, b) for a, b in patterns)


def _prefix(text: str, pattern: str) -> bool:
    return pattern.endswith("*") and text.startswith(pattern[:-1])


def _suffix(text: str, pattern: str) -> bool:
    return pattern.startswith("*") and text.endswith(pattern[1:])


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
