"""One value of an AuthorizationPolicy → one Envoy matcher.

`a` is exact, `a*` a prefix, `*a` a suffix, and `*` alone asks for anything that is not empty.
"""

from __future__ import annotations

import ipaddress
import re

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.translate.authorization_policy.enforcement import Unenforceable

_RE2_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")


def quoted(text: str) -> str:
    """The RE2 expression that matches exactly this text; only the characters that RE2 reads are escaped."""
    return _RE2_SPECIAL.sub(r"\\\1", text)


def regex(expression: str) -> StringMatcher:
    """The whole text must match this RE2 expression."""
    return StringMatcher(safe_regex=RegexMatcher(regex=expression))


ANYTHING = regex(".+")
"""What `*` means for a text: present and not empty (Envoy refuses an empty prefix)."""


def text(value: str, scheme: str = "") -> StringMatcher:
    """The matcher of a value; `scheme` is put before it, as in `spiffe://`."""
    if value == "*":
        return ANYTHING
    if value.startswith("*"):
        suffix = value[1:]
        return regex(f"{scheme}.*{quoted(suffix)}") if scheme else StringMatcher(suffix=suffix)
    if value.endswith("*"):
        return StringMatcher(prefix=scheme + value[:-1])
    return StringMatcher(exact=scheme + value)


def header(name: str, value: str, ignore_case: bool = False) -> HeaderMatcher:
    """The matcher of a header or pseudo-header; here `*` means that the header is there, even if empty."""
    if value == "*":
        return HeaderMatcher(name=name, present_match=True)
    if value.startswith("*"):
        match = StringMatcher(suffix=value[1:], ignore_case=ignore_case)
    elif value.endswith("*"):
        match = StringMatcher(prefix=value[:-1], ignore_case=ignore_case)
    else:
        match = StringMatcher(exact=value, ignore_case=ignore_case)
    return HeaderMatcher(name=name, string_match=match)


def cidr(value: str) -> CidrRange:
    """An address block; a bare address is a block of one. Host bits are kept as the user wrote them."""
    address, slash, length = value.partition("/")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise Unenforceable(f"{value!r} is no IP address or CIDR block") from None
    if slash and (not _PREFIX_LENGTH.fullmatch(length) or int(length) > ip.max_prefixlen or "%" in address):
        raise Unenforceable(f"{value!r} is no CIDR block")
    bits = int(length) if slash else ip.max_prefixlen
    return CidrRange(address_prefix=_written(ip), prefix_len=UInt32Value(value=bits))


def _written(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The shortest form of an address, with an embedded IPv4 address in dots, and no zone."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return f"::ffff:{ip.ipv4_mapped}"
        return str(ip).partition("%")[0]
    return str(ip)


def port(value: str) -> int:
    """A port number."""
    if not (value.isascii() and value.isdigit()) or int(value) > 65535:
        raise Unenforceable(f"{value!r} is no port")
    return int(value)
