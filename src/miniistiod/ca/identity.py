"""Who a workload is: a service account in a namespace of a trust domain, for SPIFFE and Kubernetes."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPIFFE = "spiffe://"
SUBJECT = "system:serviceaccount:"

_URI = re.compile(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """A proven or a claimed identity; which of the two, says who holds it."""

    trust_domain: str
    namespace: str
    service_account: str

    @property
    def uri(self) -> str:
        """The name in a certificate."""
        return f"{SPIFFE}{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    @property
    def subject(self) -> str:
        """The name in a Kubernetes token, which knows no trust domain."""
        return f"{SUBJECT}{self.namespace}:{self.service_account}"

    def __str__(self) -> str:
        return self.uri


def of_uri(uri: str) -> Identity | None:
    """The identity a SPIFFE URI names, or None when it names no service account."""
    found = _URI.fullmatch(uri)
    return Identity(*found.groups()) if found else None


def of_subject(subject: str, trust_domain: str) -> Identity | None:
    """The identity that a Kubernetes token's subject names, or None when it names no service account."""
    parts = subject.removeprefix(SUBJECT).split(":")
    if not subject.startswith(SUBJECT) or len(parts) != 2 or not all(map(_LABEL.fullmatch, parts)):
        return None
    return Identity(trust_domain, *parts)
