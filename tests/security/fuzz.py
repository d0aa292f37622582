"""Mutated AuthorizationPolicies and JWT rules: `python -m tests.security.fuzz [COUNT] [SEED]`.

None may crash. What an ALLOW becomes may match only what the policy, read by Istio's documentation, matches;
what a DENY becomes must match all of it. The reading below is written against the documentation alone, in
other terms than the translation: it is the independent second opinion.
"""

from __future__ import annotations

import ipaddress
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

from miniistiod.api import kinds
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy, Rule
from miniistiod.api.istio.security.request_authentication_pb2 import JWTHeader, JWTRule
from miniistiod.config.objects import Object, Origin
from miniistiod.generate.authorization_filters import local_http_filters, local_network_filters
from miniistiod.generate.authorization_verdict import verdict
from miniistiod.translate.request_authentication.key_set import NONE_FETCHED
from miniistiod.translate.request_authentication.request_authentication import jwt_authentication
from miniistiod.vocab.asked import Asked

KIND = next(kinds.named("authorizationpolicy"))
DOMAINS = ("cluster.local",)
JUNK = [
    "",
    "*",
    "**",
    "*a*",
    "a*b",
    "[",
    "]",
    "[]",
    "{*}",
    "/{**}",
    "\\",
    "(",
    "+",
    "\x00",
    "é",
    "-1",
    "99999",
    " ",
    "%2f",
]
WORDS: dict[str, Sequence[str]] = {
    "principals": ["cluster.local/ns/shop/sa/web", "*/sa/web", "cluster.local/ns/shop/*", "*"],
    "request_principals": ["iss/alice", "*", "iss/*", "*/alice"],
    "namespaces": ["shop", "bank", "sh*", "*"],
    "service_accounts": ["web", "shop/web", "bank/job"],
    "trust_domains": ["cluster.local", "*", "*.local", "other"],
    "ip_blocks": ["10.0.0.1", "10.0.0.0/8", "10.0.0.0/99", "::1"],
    "remote_ip_blocks": ["192.0.2.1", "192.0.2.0/24"],
    "hosts": ["a.example", "*.example", "A.EXAMPLE", "*"],
    "ports": ["80", "8080", "70000", "http"],
    "methods": ["GET", "P*", "*"],
    "paths": ["/a", "/a/*", "*.js", "/{*}/b", "/a/{**}", "*"],
}
SOURCE = (
    "principals",
    "request_principals",
    "namespaces",
    "service_accounts",
    "trust_domains",
    "ip_blocks",
    "remote_ip_blocks",
)
OPERATION = ("hosts", "ports", "methods", "paths")
HTTP_ONLY = {"request_principals", "hosts", "methods", "paths"}
KEYS = {
    "source.ip": "ip_blocks",
    "remote.ip": "remote_ip_blocks",
    "source.namespace": "namespaces",
    "source.serviceAccount": "service_accounts",
    "source.trustDomain": "trust_domains",
    "source.principal": "principals",
    "request.auth.principal": "request_principals",
    "destination.port": "ports",
}


class Unreadable(Exception):
    """A value that means nothing."""


def glob(pattern: str, text: str) -> bool:
    """exact, prefix*, *suffix, or * for anything that is not empty."""
    if pattern == "*":
        return text != ""
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def spread(pattern: str, text: str) -> bool:
    """* stands for any part, anywhere."""
    pieces = pattern.split("*")
    if len(pieces) == 1:
        return pattern == text
    if not text.startswith(pieces[0]) or len(text) < len(pieces[0]) + len(pieces[-1]):
        return False
    place = len(pieces[0])
    for piece in pieces[1:-1]:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return text.endswith(pieces[-1]) and len(text) - len(pieces[-1]) >= place


def within(block: str, address: str) -> bool:
    try:
        if "/" in block and not block.rpartition("/")[2].isdecimal():
            raise ValueError
        return ipaddress.ip_address(address) in ipaddress.ip_network(block, strict=False)
    except ValueError:
        raise Unreadable from None


def port(value: str, asked: Asked) -> bool:
    if not (value.isascii() and value.isdecimal() and int(value) < 65536):
        raise Unreadable
    return int(value) == asked.port


def template(pattern: str, path: str) -> bool:
    """{*} is one segment, {**} any number of characters."""
    if "{" not in pattern:
        return glob(pattern, path)
    wanted, parts = pattern.split("/"), path.split("/")
    if wanted[-1] == "{**}":
        return len(parts) >= len(wanted) and segments(wanted[:-1], parts[: len(wanted) - 1])
    return "{**}" not in pattern and len(wanted) == len(parts) and segments(wanted, parts)


def segments(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    return all(
        (w == "{*}" and p != "") or w.replace("{*}", "*") == p for w, p in zip(wanted, parts, strict=True)
    )


def identity(asked: Asked) -> list[str]:
    """[domain, namespace, account] of the caller."""
    parts = asked.principal.removeprefix("spiffe://").split("/")
    return [parts[0], parts[2], parts[4]]


def account(value: str, asked: Asked) -> bool:
    namespace, slash, name = value.partition("/")
    return identity(asked)[1:] == ([namespace, name] if slash else ["shop", value])


def token(value: str, asked: Asked) -> bool:
    if asked.claims is None:
        return False
    issuer, slash, subject = value.rpartition("/")
    have = (str(asked.claims["iss"]), str(asked.claims["sub"]))
    if value == "*":
        return True
    if not slash:
        if value.startswith("*"):
            return have[1].endswith(value[1:])
        return have[0].startswith(value[:-1]) if value.endswith("*") else have == (value, "")
    if value.startswith("*"):
        return glob(issuer, have[0]) and have[1] == subject
    return have[0] == issuer and (glob(subject, have[1]) if value.endswith("*") else have[1] == subject)


FIELDS: dict[str, Callable[[str, Asked], bool]] = {
    "principals": lambda v, a: glob(v, a.principal.removeprefix("spiffe://")),
    "request_principals": token,
    # istiod's wildcard in a namespace runs over the slashes of the identity.
    "namespaces": lambda v, a: spread(f"*/ns/{v}/*", a.principal),
    "service_accounts": account,
    "trust_domains": lambda v, a: spread(v, identity(a)[0]) if v.count("*") == 1 else glob(v, identity(a)[0]),
    "ip_blocks": lambda v, a: within(v, a.source_ip),
    "remote_ip_blocks": lambda v, a: within(v, a.remote_ip),
    "hosts": lambda v, a: glob(v.lower(), a.host.lower()),
    "ports": port,
    "methods": lambda v, a: glob(v, a.method),
    "paths": lambda v, a: template(v, a.path),
}


def holds(field: str, values: Sequence[str], not_values: Sequence[str], asked: Asked, tcp: bool) -> bool:
    """One field of a rule. What cannot be read or seen does not hold."""
    if not values and not not_values:
        return True
    if tcp and field in HTTP_ONLY:
        return False
    try:
        wanted = [FIELDS[field](v, asked) for v in values]
        unwanted = [FIELDS[field](v, asked) for v in not_values]
    except Unreadable:
        return False
    return (not values or any(wanted)) and not any(unwanted)


def matches(rule: Rule, asked: Asked, tcp: bool) -> bool:
    """The whole rule."""

    def all_of(message: Any, fields: Sequence[str]) -> bool:
        return all(holds(f, getattr(message, f), getattr(message, f"not_{f}"), asked, tcp) for f in fields)

    sources = getattr(rule, "from")
    return (
        (not sources or any(all_of(s.source, SOURCE) for s in sources))
        and (not rule.to or any(all_of(t.operation, OPERATION) for t in rule.to))
        and all(holds(KEYS[c.key], c.values, c.not_values, asked, tcp) for c in rule.when)
    )


def values(dice: random.Random, field: str) -> list[str]:
    """A few values, some of them mutated into junk."""
    if dice.random() < 0.6:
        return []
    made = []
    for _ in range(dice.randint(1, 2)):
        word = dice.choice(WORDS[field])
        if dice.random() < 0.25:
            junk, place = dice.choice(JUNK), dice.randint(0, len(word))
            word = dice.choice([junk, word[:place] + junk + word[place:], word[:place]])
        if not (field == "paths" and refused(word)):
            made.append(word)
    return made


def refused(path: str) -> bool:
    """A template that istiod's admission refuses, and Envoy as well."""
    parts = path.strip("/").split("/")
    odd = any(("{" in p or "}" in p) and p not in ("{*}", "{**}") for p in parts)
    return ("{*}" in path or "{**}" in path) and (
        odd or "{**}" in parts[:-1] or "*" in "".join(parts).replace("{*}", "").replace("{**}", "")
    )


def filled(dice: random.Random, message: Any, fields: Sequence[str]) -> None:
    for field in fields:
        getattr(message, field).extend(values(dice, field))
        if dice.random() < 0.3:
            getattr(message, f"not_{field}").extend(values(dice, field))


def mutated(dice: random.Random, action: AuthorizationPolicy.Action) -> Object[AuthorizationPolicy]:
    """A policy with one rule."""
    rule = Rule()
    for _ in range(dice.randint(0, 2)):
        filled(dice, getattr(rule, "from").add().source, SOURCE)
    for _ in range(dice.randint(0, 2)):
        filled(dice, rule.to.add().operation, OPERATION)
    for _ in range(dice.randint(0, 1)):
        key, field = dice.choice(list(KEYS.items()))
        rule.when.add(key=key, values=values(dice, field), not_values=values(dice, field))
    policy = AuthorizationPolicy(action=action, rules=[rule])
    return Object(KIND, "p", "shop", policy, Origin("f", 1))


def request(dice: random.Random) -> Asked:
    """A request of a caller with a certificate."""
    names = [("shop", "web"), ("bank", "job"), ("shop", "admin")]
    namespace, name = dice.choice(names)
    return Asked(
        method=dice.choice(["GET", "POST"]),
        path=dice.choice(["/a", "/a/b", "/x.js", "/", "/c/b"]),
        host=dice.choice(["a.example", "B.example", "other"]),
        port=dice.choice([80, 8080]),
        address="10.9.9.9",
        source_ip=dice.choice(["10.0.0.1", "11.0.0.1"]),
        remote_ip=dice.choice(["192.0.2.1", "198.51.100.1"]),
        principal=f"spiffe://{dice.choice(['cluster.local', 'other'])}/ns/{namespace}/sa/{name}",
        claims=dice.choice([None, {"iss": "iss", "sub": "alice"}, {"iss": "iss2", "sub": "bob"}]),
    )


def check_policy(dice: random.Random) -> None:
    """One mutated policy against a few requests."""
    action = dice.choice([AuthorizationPolicy.ALLOW, AuthorizationPolicy.DENY])
    policy = mutated(dice, action)
    local_http_filters((policy,), DOMAINS)
    local_network_filters((policy,), DOMAINS)
    for _ in range(4):
        asked, tcp = request(dice), dice.random() < 0.3
        matched = verdict((policy,), DOMAINS, asked, tcp).by is not None
        meant = matches(policy.message.rules[0], asked, tcp)
        fine = meant or not matched if action == AuthorizationPolicy.ALLOW else matched or not meant
        assert fine, f"{policy.message}\n{asked}\ntcp={tcp} matched={matched} meant={meant}"


def check_jwt_rule(dice: random.Random) -> None:
    """One mutated rule: its keys are inline or nobody's; only missing tokens are let by unverified."""
    word = lambda: dice.choice([*JUNK, "iss", "https://issuer.example", "x-token"])  # noqa: E731
    rules = [
        JWTRule(
            issuer=word(),
            audiences=[word()],
            jwks=dice.choice(["", "", "{}", word()]),
            jwks_uri=word(),
            from_headers=[JWTHeader(name=word(), prefix=word())],
            from_params=[word()],
            space_delimited_claims=[word()],
        )
        for _ in range(dice.randint(1, 3))
    ]
    config = jwt_authentication(rules, NONE_FETCHED, dice.random() < 0.5)
    assert config is not None
    assert len(config.providers) == len(rules)
    for provider in config.providers.values():
        assert provider.local_jwks.inline_string
        assert not provider.HasField("remote_jwks")
    assert "allow_missing_or_failed" not in str(config)


def run(count: int, seed: int) -> None:
    """So many of each."""
    for number in range(count):
        dice = random.Random(f"{seed}-{number}")
        try:
            check_policy(dice)
            check_jwt_rule(dice)
        except Exception:
            print(f"seed {seed}-{number}")
            raise


if __name__ == "__main__":
    run(*[int(a) for a in [*sys.argv[1:], *("100000", "1")[len(sys.argv) - 1 :]]])
