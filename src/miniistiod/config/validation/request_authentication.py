"""RequestAuthentication: what it is for, and its JWT rules.

Source: ValidateRequestAuthentication in istio's pkg/config/validation.
"""

from __future__ import annotations

import json
import re
from typing import Any

from miniistiod.api.istio.security.request_authentication_pb2 import JWTRule, RequestAuthentication
from miniistiod.config.objects import Object
from miniistiod.config.validation import headers, values
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import policy_targets

PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
"""The types of keys, and what a key of that type cannot be without."""

BASE64 = re.compile(r"[A-Za-z0-9_\-+/]+={0,2}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ADDRESS = re.compile(r"https?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:\s]*)(:[0-9]*)?(?P<path>[/?#].*)?", re.I)
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
PRIVATE_PARTS = frozenset(("d", "k"))
"""Members of a JSON web key that only a private or shared one has."""


def rules(one: Object[RequestAuthentication]) -> Findings:
    """Everything the webhook says about a RequestAuthentication."""
    yield from policy_targets(one.message)
    for index, rule in enumerate(one.message.jwt_rules):
        yield from _rule(rule, ("jwtRules", index))


def _rule(rule: JWTRule, steps: Steps) -> Findings:
    for field, texts in (
        ("audiences", rule.audiences), ("fromParams", rule.from_params), ("fromCookies", rule.from_cookies)
    ):  # fmt: skip
        for index, text in enumerate(texts):
            if not text:
                yield from error((*steps, field, index), "this is empty", "fill or remove it")
    if not rule.issuer and not rule.jwks_uri:
        yield from error(steps, "a JWT rule needs the issuer", "add issuer, or jwksUri")
    if rule.jwks_uri:
        yield from at((*steps, "jwksUri"), _key_address(rule.jwks_uri))
    if rule.jwks:
        yield from _keys(rule.jwks, (*steps, "jwks"))
    for index, header in enumerate(rule.from_headers):
        if not header.name:
            yield from error((*steps, "fromHeaders", index), "the header has no name", "add name")
    for index, output in enumerate(rule.output_claim_to_headers):
        here = (*steps, "outputClaimToHeaders", index)
        if not output.claim or not output.header:
            yield from error(here, "header and claim are both needed", "add the missing one")
        else:
            yield from at((*here, "header"), headers.strict(output.header))
    if rule.HasField("timeout"):
        yield from at((*steps, "timeout"), values.duration(rule.timeout))


def _key_address(uri: str) -> Complaint | None:
    """What Go's url.Parse takes, with one of two schemes."""
    found = None if CONTROL.search(uri) else ADDRESS.fullmatch(uri)
    path = re.split("[?#]", found["path"] or "")[0] if found else ""
    if found and not BAD_ESCAPE.search(path):
        return None
    return Complaint(f'"{uri}" is no address to get keys from', "write https://HOST/PATH")


def _keys(text: str, steps: Steps) -> Findings:
    keys = _parsed(text)
    if keys is None:
        yield from error(
            steps, "this is no JSON web key set", 'write {"keys": [...]} as the issuer publishes it'
        )
        return
    for index, key in enumerate(keys):
        if key["kty"] == "oct" or PRIVATE_PARTS.intersection(key):
            message = f"key {index} is private; anyone who reads this file can sign tokens with it"
            yield from warning(steps, message, "write the public part only")


def _parsed(text: str) -> list[dict[str, Any]] | None:
    """The keys of a set, or one key by itself; None when it is neither."""
    try:
        whole = json.loads(text)
    except ValueError:
        return None
    keys = whole.get("keys", [whole]) if isinstance(whole, dict) else None
    if not isinstance(keys, list):
        return None
    return keys if all(isinstance(key, dict) and _whole(key) for key in keys) else None


def _whole(key: dict[str, Any]) -> bool:
    """Whether a key has what its type needs, and the numbers in it can be read."""
    needed = PARTS.get(str(key.get("kty")), ("kty",))
    if needed == ("kty",) or not all(isinstance(key.get(part), str) for part in needed):
        return False
    return all(BASE64.fullmatch(key[part]) for part in needed if part != "crv")
