"""Bearer tokens: ours, and those of any issuer whose keys are known; everything else proves nothing."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from miniistiod.ca import keys, tokens
from miniistiod.ca.identity import Identity, of_subject, of_uri

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WEB = Identity("cluster.local", "shop", "web")
KEY = keys.private_key()
OURS = tokens.Issuer(tokens.ISSUER, tokens.key_set([KEY.public_key()]))


def proven(token: str, *issuers: tokens.Issuer, at: datetime = NOW) -> Identity:
    return tokens.identity(token, issuers or (OURS,), "cluster.local", at)


def test_a_minted_token_proves_its_service_account() -> None:
    token = tokens.minted(tokens.service_account_claims(WEB, NOW), KEY)
    assert proven(token) == WEB
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "system:serviceaccount:shop:web"
    assert claims["aud"] == ["istio-ca"]
    assert claims["exp"] - claims["iat"] == tokens.LIFETIME.total_seconds()


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_any_issuer_whose_keys_are_configured(kind: keys.Type) -> None:
    key = keys.private_key(kind)
    others = tokens.Issuer(
        "https://cluster.example", tokens.key_set([keys.private_key().public_key(), key.public_key()])
    )
    token = tokens.minted(tokens.service_account_claims(WEB, NOW, issuer="https://cluster.example"), key)
    assert proven(token, OURS, others) == WEB


def refused(changes: dict[str, Any], key: keys.Private = KEY, at: datetime = NOW) -> str:
    """The reason why a token with these claims proves nothing; None removes a claim."""
    claims = {**tokens.service_account_claims(WEB, NOW), **changes}
    token = tokens.minted({k: v for k, v in claims.items() if v is not None}, key)
    with pytest.raises(tokens.BadToken) as fault:
        proven(token, at=at)
    assert token not in str(fault.value)
    return str(fault.value)


def test_tokens_that_prove_nothing() -> None:
    end = NOW + tokens.LIFETIME + timedelta(minutes=1)
    assert "expired" in refused({}, at=end)
    assert "no expiry" in refused({"exp": None})
    assert "no expiry" in refused({"exp": "never"})
    assert "not valid yet" in refused({}, at=NOW - timedelta(minutes=1))
    assert "another audience" in refused({"aud": ["somebody"]})
    assert "another audience" in refused({"aud": None})
    assert "issuer" in refused({"iss": "somebody"})
    assert "no key" in refused({}, key=keys.private_key())
    assert "no service account" in refused({"sub": "alice"})
    assert "no service account" in refused({"sub": "system:serviceaccount:shop"})
    assert "no service account" in refused({"sub": "system:serviceaccount:shop:web/../admin"})


def encoded(part: dict[str, Any]) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_an_unsigned_token_or_one_signed_with_the_public_key_set_is_refused() -> None:
    claims = dict(tokens.service_account_claims(WEB, NOW))
    unsigned = f"{encoded({'alg': 'none'})}.{encoded(claims)}"
    content = f"{encoded({'alg': 'HS256'})}.{encoded(claims)}"
    mac = hmac.digest(OURS.key_set.encode(), content.encode(), "sha256")
    shared = f"{content}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    for token in (f"{unsigned}.", shared, "", "a.b.c", "x" * 100_000):
        with pytest.raises(tokens.BadToken):
            proven(token)


def test_identities_are_read_strictly() -> None:
    assert of_uri(WEB.uri) == WEB
    assert of_subject(WEB.subject, "cluster.local") == WEB
    for text in (
        "spiffe://a/ns/b/sa/",
        "spiffe://a/ns/b",
        "http://a/ns/b/sa/c",
        "spiffe://a/ns/b/sa/c/d",
        "",
    ):
        assert of_uri(text) is None
