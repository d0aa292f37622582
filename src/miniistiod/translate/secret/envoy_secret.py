"""Certificate, key and roots → Envoy's Secret. A private key is in what comes out and nowhere else."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, TlsCertificate
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from miniistiod.translate.secret.material import KeyPair, Roots


def tls_certificate(name: str, pair: KeyPair) -> Secret:
    """A certificate with its private key."""
    return Secret(
        name=name,
        tls_certificate=TlsCertificate(
            certificate_chain=_inline(pair.chain),
            private_key=_inline(pair.key),
            ocsp_staple=_inline(pair.staple) if pair.staple else None,
        ),
    )


def validation_context(name: str, roots: Roots) -> Secret:
    """Roots to verify a peer with."""
    return Secret(
        name=name,
        validation_context=CertificateValidationContext(
            trusted_ca=_inline(roots.certificates),
            crl=_inline(roots.revoked) if roots.revoked else None,
        ),
    )


def _inline(content: bytes) -> DataSource:
    return DataSource(inline_bytes=content)
