"""A certificate signing request → the public key to certify, or why it is refused.

A caller gets a certificate of its own identity only; what else a request asks for is not granted.
"""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from miniistiod.ca import certificates, keys
from miniistiod.ca.authority import LEAF_LIFETIME, MAX_LEAF_LIFETIME
from miniistiod.ca.identity import Identity

MAX_BYTES = 16 * 1024
"""An honest request with a 4096-bit RSA key has less than 2 KiB."""


class Refused(ValueError):
    """Why no certificate is issued, in words for the caller; never any of a key or token."""


def public_key(csr_pem: bytes, caller: Identity) -> keys.Public:
    """The key of a sound request of this caller."""
    if len(csr_pem) > MAX_BYTES:
        raise Refused(f"the request has {len(csr_pem)} bytes, more than {MAX_BYTES}")
    csr = _read(csr_pem)
    key = csr.public_key()
    weakness = keys.weakness(key)
    if weakness is not None or not isinstance(key, keys.Public):
        raise Refused(weakness or "unknown kind of key")
    if not csr.is_signature_valid:
        raise Refused("the request is not signed by its own key")
    _check_names(csr, caller)
    return key


def lifetime(seconds: int) -> timedelta:
    """What is asked for; the usual lifetime when nothing is, and a refusal when it is too much."""
    if seconds <= 0:
        return LEAF_LIFETIME
    if seconds > MAX_LEAF_LIFETIME.total_seconds():
        raise Refused(f"a certificate lives at most {MAX_LEAF_LIFETIME}, not {seconds} s")
    return timedelta(seconds=seconds)


def _read(csr_pem: bytes) -> x509.CertificateSigningRequest:
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        csr.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused("not a certificate signing request in PEM") from None
    return csr


def _check_names(csr: x509.CertificateSigningRequest, caller: Identity) -> None:
    """None at all, or exactly the caller's."""
    try:
        names = certificates.alternative_names(csr)
    except certificates.BadCertificate as fault:
        raise Refused(str(fault)) from None
    own = x509.UniformResourceIdentifier(caller.uri)
    if any(name != own for name in names):
        raise Refused(f"a request of {caller.uri} may name only that identity")
