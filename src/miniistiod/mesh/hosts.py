"""Host names with wildcards: when one covers another, which of several is the most specific, short names in
full.

A wildcard is `*` or a name that begins with `*.` or `*-`; a name covers itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def is_wildcard(host: str) -> bool:
    """Whether the name stands for many."""
    return host.startswith("*")


def subset_of(host: str, other: str) -> bool:
    """Whether every name that `host` stands for is one that `other` stands for."""
    if is_wildcard(other):
        if is_wildcard(host):
            return len(host) >= len(other) and host.removeprefix("*").endswith(other.removeprefix("*"))
        return host.endswith(other[1:])
    return host == other


def overlap(host: str, other: str) -> bool:
    """Whether there is a name that both stand for."""
    return subset_of(host, other) or subset_of(other, host)


def most_specific(host: str, exact: Mapping[str, T], wildcard: Mapping[str, T]) -> T | None:
    """What is said of the narrowest name that covers `host`: itself first, then the longest wildcard."""
    if is_wildcard(host):
        if host in wildcard:
            return wildcard[host]
    elif host in exact:
        return exact[host]
    covering = [name for name in wildcard if subset_of(host, name)]
    return wildcard[min(covering, key=specificity)] if covering else None


def specificity(host: str) -> tuple[bool, int, str]:
    """The sort key by which narrower names come first: exact before wildcard, longer before shorter."""
    return (is_wildcard(host), -len(host), host)


def full_name(host: str, namespace: str, domain: str) -> str:
    """The name in full: a name without a dot is a Service of this namespace; a wildcard stays as it is."""
    if "." in host or is_wildcard(host) or not host:
        return host
    return f"{host}.{namespace}.svc.{domain}"


def covered(host: str, hosts: Iterable[str]) -> bool:
    """Whether any of these names covers the host."""
    return any(subset_of(host, other) for other in hosts)
