"""Rules for names: DNS labels, host names with and without wildcards, addresses, gateways, exportTo, labels.

Source: istio's pkg/config/validation/agent and pkg/config/labels.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error, warning

LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
DNS_LABEL = re.compile(LABEL)
WILDCARD_LABEL = re.compile(rf"\*|(?:\*|\*-)?{LABEL}")
QUALIFIED = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_KEY = re.compile(rf"({LABEL}(?:\.{LABEL})*/)?({QUALIFIED})")
LABEL_VALUE = re.compile(rf"(?:{QUALIFIED})?")
INTEGER = re.compile(r"[-+]?[0-9]+")
LONGEST_LABEL, LONGEST_PREFIX, LONGEST_DOMAIN = 63, 253, 255

WHAT_A_NAME_IS = "letters, digits and dashes, not at the ends, at most 63"
SNI_FORMAT = "outbound_.<PORT>_._.<HOSTNAME>"


def is_dns_label(name: str) -> bool:
    """Whether this is one part of a domain name."""
    return len(name) <= LONGEST_LABEL and DNS_LABEL.fullmatch(name) is not None


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def dns_label(name: str, what: str) -> Complaint | None:
    """A name without dots."""
    return (
        None if is_dns_label(name) else Complaint(f'"{name}" is no valid {what}', f"write {WHAT_A_NAME_IS}")
    )


def fqdn(name: str) -> Complaint | None:
    """A full domain name."""
    return _length(name) or _labels(name)


def wildcard_host(name: str) -> Complaint | None:
    """A domain name whose first part may be or begin with `*`."""
    first, dot, rest = name.partition(".")
    if length := _length(name):
        return length
    if len(first) > LONGEST_LABEL or not WILDCARD_LABEL.fullmatch(first):
        return Complaint(
            f'"{name}" is no valid host: "{first}" is wrong', f"write {WHAT_A_NAME_IS}, or * in front"
        )
    return _labels(rest) if dot else None


def gateway_host(name: str, sni: bool) -> Complaint | None:
    """A host at a gateway, where the names that AUTO_PASSTHROUGH makes count as SNI."""
    if not sni or not name.startswith("outbound_"):
        return wildcard_host(name)
    if length := _length(name):
        return length
    parts = name.split("_")
    wrong = Complaint(f'"{name}" is no valid SNI name', f"write it as {SNI_FORMAT}")
    if len(parts) < 4 or not re.search("[0-9]", parts[1].strip(".")):
        return wrong
    return None if re.search("[a-zA-Z]", parts[3].strip(".")) else wrong


def _length(name: str) -> Complaint | None:
    if not name:
        return Complaint("the host name is empty", "write the name of the service")
    if len(name) > LONGEST_DOMAIN:
        return Complaint(f'"{name}" is longer than {LONGEST_DOMAIN} characters', "shorten it")
    return None


def _labels(name: str) -> Complaint | None:
    parts = name.split(".")
    if INTEGER.fullmatch(parts[-1]):
        return Complaint(f'"{name}" is no valid host: its last part is a number', "end it with a name")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if not (last and not part) and not is_dns_label(part):
            return Complaint(f'"{name}" is no valid host: "{part}" is wrong', f"write {WHAT_A_NAME_IS}")
    return None


def matches(one: str, other: str) -> bool:
    """Whether two host names, with or without wildcards, can mean the same host."""
    if one.startswith("*") and other.startswith("*"):
        return other[1:].endswith(one[1:]) if len(one) < len(other) else one[1:].endswith(other[1:])
    if one.startswith("*"):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if other.startswith("*") else one == other


def within(one: str, other: str) -> bool:
    """Whether the other host name covers this one."""
    if one.startswith("*"):
        return other.startswith("*") and len(one) >= len(other) and one[1:].endswith(other[1:])
    return one.endswith(other[1:]) if other.startswith("*") else one == other


def gateway_names(names: Sequence[str], steps: Steps) -> Findings:
    """`name`, `namespace/name` or the legacy `name.namespace.svc...`."""
    for index, name in enumerate(names):
        here = (*steps, index)
        namespace, slash, gateway = name.partition("/")
        if not slash:
            if "." in name:
                parts = name.split(".")
                yield from warning(
                    here, f'"{name}" is the old form of a gateway\'s name', f"write {parts[1]}/{parts[0]}"
                )
            yield from at(here, fqdn(name))
            # istiod checks nothing after a name without a namespace.
            return
        yield from at(here, dns_label(namespace, "namespace"), dns_label(gateway, "name of a gateway"))


def export_to(
    values: Sequence[str], namespace: str, *, service: bool = False, selector: bool = False
) -> Findings:
    """Namespaces, `.` for the own one, `*` for all; a ServiceEntry may say `~` for none."""
    found: set[str] = set()
    for index, value in enumerate(values):
        here = ("exportTo", index)
        key = namespace if value == "." else value
        if key in found:
            yield from error(here, f"{value} stands in exportTo already", "keep one of them")
        elif value not in (".", "*") and not (service and value == "~") and not is_dns_label(value):
            yield from error(here, f'"{value}" cannot stand in exportTo', "write a namespace, . or *")
        else:
            found.add(key)
    yield from _together(found, len(values), namespace, selector)


def _together(found: set[str], given: int, namespace: str, selector: bool) -> Findings:
    if selector and found and found != {namespace}:
        message = "a rule with a workloadSelector holds only in its own namespace"
        yield from error(("exportTo",), message, "remove exportTo, or write [.]")
    if "*" in found and given > 1:
        yield from error(
            ("exportTo",), "* beside other namespaces: it means all of them", "keep * or the namespaces"
        )
    if "~" in found and given > 1:
        yield from error(("exportTo",), "~ (nobody) beside others", "keep ~ or the namespaces")


def labels(given: Mapping[str, str], steps: Steps) -> Findings:
    """Labels as Kubernetes takes them."""
    for key, value in sorted(given.items()):
        here = (*steps, key)
        match = LABEL_KEY.fullmatch(key)
        if match is None or len(match[1] or "") > LONGEST_PREFIX + 1 or len(match[2]) > LONGEST_LABEL:
            yield from error(
                here, f'"{key}" cannot be the name of a label', "write letters, digits, - _ . and one /"
            )
        if not LABEL_VALUE.fullmatch(value):
            yield from error(
                here, f'"{value}" cannot be the value of a label', "write letters, digits, - _ ."
            )
