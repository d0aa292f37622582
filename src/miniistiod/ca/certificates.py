"""X.509 certificates read, written and checked against each other; times are timezone-aware UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from miniistiod.ca.identity import Identity, of_uri


class BadCertificate(ValueError):
    """A certificate that cannot be read, or does not fit the others."""


def of_pem(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file in the order they stand in; () for an empty file."""
    if not pem.strip():
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise BadCertificate("not a certificate in PEM") from None


def pem_of(certificates: Iterable[x509.Certificate]) -> bytes:
    """The certificates one after the other."""
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def uris(certificate: x509.Certificate | x509.CertificateSigningRequest) -> tuple[str, ...]:
    """The URIs among the alternative names."""
    names = alternative_names(certificate)
    return tuple(n.value for n in names if isinstance(n, x509.UniformResourceIdentifier))


def alternative_names(
    certificate: x509.Certificate | x509.CertificateSigningRequest,
) -> Sequence[x509.GeneralName]:
    """All alternative names."""
    try:
        return tuple(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()
    except ValueError:
        raise BadCertificate("its extensions cannot be read") from None


def identity(certificate: x509.Certificate) -> Identity | None:
    """The one SPIFFE identity a certificate is for; None when there is none or more than one URI."""
    found = uris(certificate)
    return of_uri(found[0]) if len(found) == 1 else None


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate may sign others."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` signed `certificate`."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether `now` lies in the certificate's lifetime."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def path_to_root(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> bool:
    """Whether the signatures lead from `leaf` over `chain` to one of the roots, in any order of the chain."""
    current, left = leaf, list(chain)
    while True:
        if current in roots or any(signed_by(current, root) for root in roots):
            return True
        above = next((c for c in left if signed_by(current, c)), None)
        if above is None:
            return False
        left.remove(above)
        current = above
