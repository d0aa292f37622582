"""The certificate authority: a signing certificate, its key, the chain above it and the roots to trust.

Self-signed, or a user's own root or intermediate as Istio's `cacerts` has it. The caller tells the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from miniistiod.ca import certificates, keys

ROOT_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(hours=24)
MAX_LEAF_LIFETIME = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=2)
"""How far back a certificate is already valid, for machines whose clock is behind. All as in istiod."""


class BadAuthority(ValueError):
    """Certificates and key that make no authority. The message never holds any of the key."""


@dataclass(frozen=True, slots=True)
class Authority:
    """`chain` is what a leaf must bring along so that a verifier gets from it to a root."""

    certificate: x509.Certificate
    key: keys.Private = field(repr=False)
    chain: tuple[x509.Certificate, ...]
    roots: tuple[x509.Certificate, ...]

    @property
    def roots_pem(self) -> bytes:
        """All the trusted roots."""
        return certificates.pem_of(self.roots)

    @property
    def chain_pem(self) -> bytes:
        """What follows a leaf."""
        return certificates.pem_of(self.chain)

    def trusting(self, roots: tuple[x509.Certificate, ...]) -> Authority:
        """The same authority that trusts these roots as well: the first and the last step of a rotation."""
        return replace(self, roots=tuple(dict.fromkeys((*self.roots, *roots))))


def self_signed(now: datetime, key: keys.Private, lifetime: timedelta = ROOT_LIFETIME) -> Authority:
    """An authority that is its own root."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cluster.local")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signing=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, digest(key))
    )
    return Authority(certificate, key, (), (certificate,))


def plugged_in(
    root_cert: bytes, ca_cert: bytes, ca_key: bytes, cert_chain: bytes, now: datetime
) -> Authority:
    """A user's own authority from the four files of `cacerts`, each of them PEM.

    `cert_chain` may repeat the signing certificate and the root, as Istio's tools write it, or be empty when
    the root signs itself. Raises BadAuthority with what does not fit.
    """
    try:
        key = keys.of_pem(ca_key)
        signers, roots = certificates.of_pem(ca_cert), certificates.of_pem(root_cert)
        chain = certificates.of_pem(cert_chain)
    except (keys.BadKey, certificates.BadCertificate) as unreadable:
        raise BadAuthority(str(unreadable)) from None
    if not signers or not roots:
        raise BadAuthority("ca-cert.pem and root-cert.pem must each hold a certificate")
    signer = signers[0]
    fault = _fault(signer, key, (*chain, *signers[1:]), roots, now)
    if fault is not None:
        raise BadAuthority(fault)
    above = tuple(c for c in dict.fromkeys((signer, *signers[1:], *chain)) if c not in roots)
    return Authority(signer, key, above, roots)


def _fault(
    signer: x509.Certificate,
    key: keys.Private,
    chain: tuple[x509.Certificate, ...],
    roots: tuple[x509.Certificate, ...],
    now: datetime,
) -> str | None:
    if not keys.same(signer.public_key(), key.public_key()):  # type: ignore[arg-type]
        return "ca-key.pem is not the key of ca-cert.pem"
    if not certificates.is_authority(signer):
        return "ca-cert.pem may not sign certificates (it is no CA)"
    if not certificates.valid_at(signer, now):
        start, end = signer.not_valid_before_utc, signer.not_valid_after_utc
        return f"ca-cert.pem is valid from {start} to {end}, not now"
    if not certificates.path_to_root(signer, chain, roots):
        return "no chain leads from ca-cert.pem to root-cert.pem"
    return None


def leaf(
    authority: Authority,
    names: tuple[x509.GeneralName, ...],
    key: keys.Public,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """A certificate of `key` for these names, for client and server alike; it never outlives its signer."""
    end = authority.certificate.not_valid_after_utc
    if now >= end:
        raise BadAuthority(f"the signing certificate expired at {end}")
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - CLOCK_SKEW, authority.certificate.not_valid_before_utc))
        .not_valid_after(min(now + lifetime, end))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signing=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        # Critical because the subject is empty (RFC 5280, 4.2.1.6).
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(authority.key, digest(authority.key))
    )


def digest(key: keys.Private) -> hashes.SHA256 | None:
    """The hash a signature of this key is made with; Ed25519 brings its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _usage(signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signing,
        content_commitment=False,
        key_encipherment=not signing,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signing,
        crl_sign=signing,
        encipher_only=False,
        decipher_only=False,
    )
