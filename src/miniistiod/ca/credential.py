"""What a workload gets: a certificate of its identity, the private key and the roots to trust."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates, keys
from miniistiod.ca.identity import Identity

ROTATE_AFTER = 0.5
"""The share of its lifetime after which a certificate is replaced, as the istio agent does."""


@dataclass(frozen=True, slots=True)
class Credential:
    """`chain_pem` is the leaf and what is above it up to the root; `roots_pem` is what it trusts itself."""

    identity: Identity
    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    roots_pem: bytes
    not_before: datetime
    not_after: datetime

    @property
    def rotate_at(self) -> datetime:
        """When the next one should be there: well before this one ends."""
        return self.not_before + (self.not_after - self.not_before) * ROTATE_AFTER


def credential(
    authority: ca.Authority, identity: Identity, key: keys.Private, now: datetime, lifetime: timedelta
) -> Credential:
    """A new credential; `key` should be a fresh one."""
    names = (x509.UniformResourceIdentifier(identity.uri),)
    leaf = ca.leaf(authority, names, key.public_key(), now, lifetime)
    chain = certificates.pem_of((leaf, *authority.chain))
    return Credential(identity, chain, keys.pem_of(key), authority.roots_pem, now, leaf.not_valid_after_utc)


def server_credential(
    authority: ca.Authority, hosts: tuple[str, ...], key: keys.Private, now: datetime, lifetime: timedelta
) -> tuple[bytes, bytes]:
    """(chain, key) in PEM for a server of these names or addresses, as the control plane itself is one."""
    leaf = ca.leaf(authority, tuple(map(_name, hosts)), key.public_key(), now, lifetime)
    return certificates.pem_of((leaf, *authority.chain)), keys.pem_of(key)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
