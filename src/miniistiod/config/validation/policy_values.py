"""Rules for the values in an AuthorizationPolicy: accounts, addresses, ports, paths, and keys of conditions.

Source: istio's pkg/config/security.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error

Rule = Callable[[Sequence[str], Steps], Findings]
MOST_ACCOUNTS, LONGEST_ACCOUNT = 16, 320
BITS = re.compile(r"0|[1-9][0-9]{0,2}")
LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")
ONE, ANY = "{*}", "{**}"
EMPTY = Complaint("this is empty", "fill or remove it")


def _each(check: Callable[[str], Complaint | None]) -> Rule:
    """The rule for a list whose elements are each checked by themselves."""

    def rule(texts: Sequence[str], steps: Steps) -> Findings:
        for index, text in enumerate(texts):
            yield from at((*steps, index), check(text) if text else EMPTY)

    return rule


def _anything(text: str) -> Complaint | None:
    return None


def _address(text: str) -> Complaint | None:
    """Go's netip: a range is ADDRESS/BITS, without a zone, and BITS is no netmask."""
    address, slash, bits = text.partition("/")
    try:
        width = ipaddress.ip_address(address).max_prefixlen
        if slash and ("%" in address or not BITS.fullmatch(bits) or int(bits) > width):
            raise ValueError
    except ValueError:
        return Complaint(
            f'"{text}" is no address or range of addresses', "write it as 10.1.2.3 or 10.1.0.0/16"
        )
    return None


def _port(text: str) -> Complaint | None:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return None
    return Complaint(f'"{text}" is no port', "write a number from 0 to 65535")


def _wildcard(text: str) -> Complaint | None:
    inside = "*" in text and text != "*" and not text.startswith("*") and not text.endswith("*")
    if text.count("*") > 1 or inside:
        return Complaint(f'"{text}" has * elsewhere than at one end', "write text, text*, *text or *")
    return None


def _trust_domain(text: str) -> Complaint | None:
    return _wildcard(text) or (
        Complaint(f'"{text}" is no trust domain', "write it without /") if "/" in text else None
    )


def _account(text: str) -> Complaint | None:
    parts = text.split("/")
    if "*" in text or len(parts) > 2 or not all(parts):
        return Complaint(f'"{text}" is no service account', "write ACCOUNT or NAMESPACE/ACCOUNT, without *")
    if len(text) > LONGEST_ACCOUNT:
        return Complaint(f"the account has more than {LONGEST_ACCOUNT} characters", "shorten it")
    return None


def _accounts(texts: Sequence[str], steps: Steps) -> Findings:
    if len(texts) > MOST_ACCOUNTS:
        yield from error(steps, f"more than {MOST_ACCOUNTS} service accounts", "write several sources")
    yield from _each(_account)(texts, steps)


def _path(text: str) -> Complaint | None:
    """A path, perhaps with `{*}` for one part of it and a last `{**}` for any number of them."""
    template = ONE in text or ANY in text
    rest = False
    for part in text.strip("/").split("/"):
        if part in (ONE, ANY):
            if rest:
                return Complaint(f"{text}: nothing with {{*}} may follow {{**}}", "move {**} to the end")
            rest = part == ANY
        elif "{" in part or "}" in part:
            return Complaint(
                f"{text}: braces stand for {{*}} and {{**}} only", "write {*} or {**} as a whole part"
            )
        elif template and not LITERAL.fullmatch(part):
            return Complaint(
                f'{text}: "{part}" cannot stand beside {{*}}', "write letters, digits and -._~%!$&'()+,;:@="
            )
    return None


SOURCES: dict[str, Rule] = {
    "principals": _each(_anything),
    "request_principals": _each(_anything),
    "namespaces": _each(_anything),
    "service_accounts": _accounts,
    "trust_domains": _each(_trust_domain),
    "ip_blocks": _each(_address),
    "remote_ip_blocks": _each(_address),
}
OPERATIONS: dict[str, Rule] = {
    "hosts": _each(_anything),
    "ports": _each(_port),
    "methods": _each(_anything),
    "paths": _each(_path),
}
ATTRIBUTES: dict[str, Rule] = {
    "source.ip": _each(_address),
    "remote.ip": _each(_address),
    "source.namespace": _each(_anything),
    "source.serviceAccount": _accounts,
    "source.principal": _each(_anything),
    "source.trustDomain": _each(_wildcard),
    "request.auth.principal": _each(_anything),
    "request.auth.audiences": _each(_anything),
    "request.auth.presenter": _each(_anything),
    "destination.ip": _each(_address),
    "destination.port": _each(_port),
    "connection.sni": _each(_anything),
}
KEYED = ("request.headers", "request.auth.claims", "experimental.envoy.filters.")
"""Attributes with a name in brackets: `request.headers[User-Agent]`."""
REPLACED = {
    "destination.namespace": "the policy's own namespace says it",
    "destination.labels": "the policy's selector says it",
    "destination.name": "it was in v1alpha1 only",
    "destination.user": "it was in v1alpha1 only",
}


def attribute(key: str) -> Complaint | None:
    """What a condition may ask for."""
    if key.startswith(KEYED):
        opened = key.find("[")
        if key.endswith("]") and 0 < opened < len(key) - 2:
            return None
        return Complaint(
            f'"{key}" has no name in brackets', f"write {key.partition('[')[0].rstrip('.')}[NAME]"
        )
    if key in ATTRIBUTES:
        return None
    for name, reason in REPLACED.items():
        if key == name or (name == "destination.labels" and key.startswith(name)):
            return Complaint(f"{key} cannot be asked for: {reason}", "remove this condition")
    known = ", ".join([*ATTRIBUTES, *(f"{name}[...]" for name in KEYED[:2])])
    return Complaint(f'there is no "{key}" to ask for', f"write one of {known}")


def attribute_values(key: str, texts: Sequence[str], steps: Steps) -> Findings:
    """What an attribute is compared with."""
    yield from ATTRIBUTES.get(key, _each(_anything))(texts, steps)
