"""Bearer tokens (JWT): minted for a service account, and verified against issuers whose keys are known.

The subject is `system:serviceaccount:NAMESPACE:ACCOUNT` and the audience `istio-ca`, as Kubernetes projects
it for Istio. Pure: the caller tells the time. No error ever holds a token or a part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from miniistiod.ca import keys
from miniistiod.ca.identity import Identity, of_subject

AUDIENCE = "istio-ca"
ISSUER = "mini-istiod"
LIFETIME = timedelta(hours=12)
MAX_BYTES = 16 * 1024
LEEWAY = timedelta(seconds=30)
"""How far the clocks of issuer and verifier may be apart."""

ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")
"""Only signatures by a private key: with a shared secret the public key set would mint tokens."""

Claims = Mapping[str, Any]


class BadToken(ValueError):
    """Why a token proves nothing."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whom we believe: the `iss` claim, the keys (a JWKS text) and the audiences we accept."""

    name: str
    key_set: str
    audiences: tuple[str, ...] = (AUDIENCE,)


def minted(claims: Claims, key: keys.Private) -> str:
    """A signed token of any claims."""
    return jwt.encode(dict(claims), key, algorithm=_algorithm(key), headers={"kid": key_id(key.public_key())})


def service_account_claims(
    identity: Identity,
    now: datetime,
    lifetime: timedelta = LIFETIME,
    audience: str = AUDIENCE,
    issuer: str = ISSUER,
) -> Claims:
    """The claims Kubernetes puts into the token of a service account."""
    start = int(now.timestamp())
    account = {"name": identity.service_account}
    return {
        "iss": issuer,
        "sub": identity.subject,
        "aud": [audience],
        "iat": start,
        "nbf": start,
        "exp": start + int(lifetime.total_seconds()),
        "kubernetes.io": {"namespace": identity.namespace, "serviceaccount": account},
    }


def key_set(public_keys: Iterable[keys.Public]) -> str:
    """The JWKS text with which others verify what these keys signed."""
    return json.dumps({"keys": [_jwk(key) for key in public_keys]}, sort_keys=True)


def key_id(key: keys.Public) -> str:
    """The name of a key: the thumbprint of RFC 7638."""
    canonical = json.dumps(_bare_jwk(key), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def identity(token: str, issuers: Sequence[Issuer], trust_domain: str, now: datetime) -> Identity:
    """The service account that a valid token proves. Raises BadToken."""
    subject = str(verified(token, issuers, now).get("sub", ""))
    found = of_subject(subject, trust_domain)
    if found is None:
        raise BadToken("the token's subject is no service account")
    return found


def verified(token: str, issuers: Sequence[Issuer], now: datetime) -> Claims:
    """The claims of a token that one of the issuers signed, that is for us, and that is valid now."""
    if len(token) > MAX_BYTES:
        raise BadToken("the token is too long")
    issuer = _issuer(token, issuers)
    claims = _signed_claims(token, issuer)
    _check_times(claims, now)
    audience = claims.get("aud")
    given = {audience} if isinstance(audience, str) else set(audience if isinstance(audience, list) else ())
    if issuer.audiences and not given.intersection(issuer.audiences):
        raise BadToken("the token is for another audience")
    return claims


def _issuer(token: str, issuers: Sequence[Issuer]) -> Issuer:
    try:
        name = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.PyJWTError:
        raise BadToken("not a token") from None
    for issuer in issuers:
        if issuer.name == name:
            return issuer
    raise BadToken("the token's issuer is not one we know")


def _signed_claims(token: str, issuer: Issuer) -> Claims:
    unchecked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    for key in _candidates(token, issuer):
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS, options=unchecked)  # type: ignore[arg-type]
        except (jwt.PyJWTError, TypeError, ValueError):
            continue
        return dict(claims)
    raise BadToken("no key of the issuer signed this token")


def _candidates(token: str, issuer: Issuer) -> list[jwt.PyJWK]:
    """The keys with the token's key id, or all when it names none."""
    try:
        found = jwt.PyJWKSet.from_json(issuer.key_set).keys
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, AttributeError):
        raise BadToken("the keys of the token's issuer cannot be read") from None
    return [key for key in found if kid is None or key.key_id in (None, kid)]


def _check_times(claims: Claims, now: datetime) -> None:
    expires, starts = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(starts, int | float):
        raise BadToken("the token has no expiry")
    if now.timestamp() >= expires + LEEWAY.total_seconds():
        raise BadToken("the token has expired")
    if now.timestamp() < starts - LEEWAY.total_seconds():
        raise BadToken("the token is not valid yet")


def _algorithm(key: keys.Private) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "ES256", 384: "ES384", 521: "ES512"}[key.curve.key_size]
    return "EdDSA"


def _jwk(key: keys.Public) -> Mapping[str, Any]:
    return {**_bare_jwk(key), "use": "sig", "kid": key_id(key)}


def _bare_jwk(key: keys.Public) -> Mapping[str, Any]:
    if isinstance(key, rsa.RSAPublicKey):
        full = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        full = jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        full = jwt.algorithms.OKPAlgorithm.to_jwk(key, as_dict=True)
    return {name: full[name] for name in ("kty", "crv", "x", "y", "e", "n") if name in full}
