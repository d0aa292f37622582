"""JWTRule → the JWKS text it is verified with: inline, fetched, or one that nobody can sign for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.security.request_authentication_pb2 import JWTRule

FETCH_TIMEOUT = Duration(seconds=5)


class KeySource(NamedTuple):
    """Where the keys of an issuer are fetched; without a URI by the issuer's OpenID configuration."""

    issuer: str
    uri: str


@dataclass(frozen=True, slots=True, eq=False)
class KeySets:
    """The JWKS texts that have been fetched. Equal only to itself: another object when one changed."""

    texts: Mapping[KeySource, str] = field(default_factory=dict)


NONE_FETCHED = KeySets()

_NOBODYS_MODULUS = (
    "0xObjM0UvS_oaazjpEYlAbwctEJ4L8pH3OuTb7qth7gUwqet-EzQB4dgFdvSdMgrLnSncQGRjpEYz3F3viIbH-3EN3TxSlPNviHxeOdyiBVfumN8"
    "dMxbLvVJUpfNOnvmMxJcl-8NNjAwcOjk4otSALaYgYYyOPyvKtgVdrQr-FoubWX4yrjxW-MJ2-7OBeepUUNOsVwGV23YX03sVkkyvY3otRflkBcY3"
    "_HKpBxJl9wk2GyOShN4_PNUF9-vwfnvOXMbCDX-w4PTef4geeb_GiT40YCKHTKMSPVanGRn5GExIWmki-mmqh94-mPTJyBR74ShspL3BxPZitDL57"
    "4T1w"
)
NOBODYS_KEY = f"""{{
  "keys": [
    {{
      "kty": "RSA",
      "e": "AQAB",
      "n": "{_NOBODYS_MODULUS}"
    }}
  ]
}}"""
"""A key set whose private key does not exist, the one istiod sends: every token is refused."""


def key_source(rule: JWTRule) -> KeySource | None:
    """What must be fetched for this rule, or None when its keys are inline."""
    return None if rule.jwks else KeySource(rule.issuer, rule.jwks_uri)


def key_set(rule: JWTRule, fetched: KeySets) -> str:
    """The keys of the rule. Keys that could not be fetched yet fail closed."""
    source = key_source(rule)
    if source is None:
        return rule.jwks
    return fetched.texts.get(source) or NOBODYS_KEY


def fetch_timeout(rule: JWTRule) -> Duration:
    """How long one attempt to fetch the keys may take."""
    return rule.timeout if rule.HasField("timeout") else FETCH_TIMEOUT
