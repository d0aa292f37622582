"""Private and public keys: made, read, written, and judged strong enough or not.

ECDSA on P-256 unless another kind is asked for, as in Istio.
"""

from __future__ import annotations

from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
Type = Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-4096"]

RSA_BITS = range(2048, 8192 + 1)
"""Shorter is weak; longer only keeps the signer busy."""

CURVES = ("secp256r1", "secp384r1", "secp521r1")


class BadKey(ValueError):
    """A key that cannot be read or is not of a kind we use. The message never holds any of it."""


def private_key(kind: Type = "ecdsa-p256") -> Private:
    """A new private key."""
    if kind == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ecdsa-p384":
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa-")))


def of_pem(pem: bytes) -> Private:
    """The private key in a PEM block, unencrypted, in any of the usual wrappings."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey("not a private key in PEM, or an encrypted one") from None
    if not isinstance(key, Private):
        raise BadKey("the private key is neither ECDSA nor RSA nor Ed25519")
    return key


def pem_of(key: Private) -> bytes:
    """The key as PKCS#8 PEM, which Envoy reads whatever its kind."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def same(one: Public, other: Public) -> bool:
    """Whether two public keys are the same key."""
    der = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return one.public_bytes(*der) == other.public_bytes(*der)


def weakness(key: object) -> str | None:
    """Why this public key is not good enough for a certificate, or None when it is."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size in RSA_BITS:
            return None
        return f"an RSA key must have {RSA_BITS[0]} to {RSA_BITS[-1]} bits, not {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        curve = key.curve.name
        return None if curve in CURVES else f"the curve {curve} is not one of {', '.join(CURVES)}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return None
    return "the key is neither ECDSA nor RSA nor Ed25519"
