"""Certificate signing requests: only for oneself, with a strong key, of a sane size."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from miniistiod.ca import keys, request
from miniistiod.ca.identity import Identity

WEB = Identity("cluster.local", "shop", "web")


def csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, names: Sequence[x509.GeneralName] = ()) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def test_the_callers_own_name_or_none_is_accepted() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    for names in ((), (uri(WEB.uri),)):
        assert keys.same(request.public_key(csr(key, names), WEB), key.public_key())


@pytest.mark.parametrize(
    "names",
    [
        (uri("spiffe://cluster.local/ns/shop/sa/admin"),),
        (uri(WEB.uri), uri("spiffe://cluster.local/ns/shop/sa/admin")),
        (uri(WEB.uri), x509.DNSName("istiod.istio-system.svc")),
        (x509.DNSName("web.shop.svc"),),
    ],
)
def test_any_other_name_is_refused(names: Sequence[x509.GeneralName]) -> None:
    with pytest.raises(request.Refused, match="may name only that identity"):
        request.public_key(csr(ec.generate_private_key(ec.SECP256R1()), names), WEB)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (rsa.generate_private_key(65537, 1024), "2048"),
        (ec.generate_private_key(ec.SECP224R1()), "secp224r1"),
        (ec.generate_private_key(ec.SECP192R1()), "secp192r1"),
    ],
)
def test_weak_keys_are_refused(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, reason: str) -> None:
    with pytest.raises(request.Refused, match=reason):
        request.public_key(csr(key), WEB)


def test_a_request_signed_by_another_key_is_refused() -> None:
    sound = x509.load_pem_x509_csr(csr(ec.generate_private_key(ec.SECP256R1()))).public_bytes(Encoding.DER)
    forged = bytearray(sound)
    forged[-1] ^= 1
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n%s-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(request.Refused):
        request.public_key(pem % base64.encodebytes(bytes(forged)), WEB)


EMPTY = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"


@pytest.mark.parametrize("junk", [b"", b"junk", EMPTY])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(request.Refused, match="not a certificate signing request"):
        request.public_key(junk, WEB)


def test_an_oversized_request_is_refused_before_it_is_read() -> None:
    with pytest.raises(request.Refused, match="bytes, more than"):
        request.public_key(b"x" * (request.MAX_BYTES + 1), WEB)


def test_lifetimes() -> None:
    assert request.lifetime(0) == timedelta(hours=24)
    assert request.lifetime(-1) == timedelta(hours=24)
    assert request.lifetime(3600) == timedelta(hours=1)
    with pytest.raises(request.Refused, match="at most"):
        request.lifetime(100 * 24 * 3600)
