"""Rules for header names and values: matched ones, changed ones, and those of CORS.

Source: istio's pkg/config/validation; the value's grammar is Envoy's (source/common/router/header_parser.cc).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import re2

from miniistiod.api.istio.networking.virtual_service_pb2 import Headers
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at

TOKEN = re.compile(r"[!#$%&'*+.^_`|~A-Za-z0-9-]+")
STRICT_NAME = re.compile(r"[-_A-Za-z0-9]+")
PROBE_NAME = re.compile(r"[-A-Za-z0-9]+")
PSEUDO = frozenset((":method", ":scheme", ":authority", ":path", ":status"))
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
CLAIM = "@request.auth.claims"
QUOTED = r'"(?:\\.|[^"\\])*"'
ARGUMENTS = rf'\( *(?:\[ *{QUOTED} *(?:, *{QUOTED} *)*\] *|[^\[ ](?:\\.|[^)\\"])*)\) *'
VALUE = re2.compile(rf"(?s)(?:[^%]|%%|%(?:[^%(]+(?:{ARGUMENTS})?|{ARGUMENTS})%)*")
"""Text with `%%` for a percent sign and variables: `%NAME%`, `%NAME(argument)%`, `%NAME(["a", "b"])%`."""

EMPTY = Complaint("the name of the header is empty", "write the header's name")


def is_claim(name: str) -> bool:
    """Whether a header match is on a claim of a JWT: `@request.auth.claims.a` or `[a][b]`."""
    if not name.lower().startswith(CLAIM):
        return False
    rest = name[len(CLAIM) :]
    return (rest.startswith(".") and len(rest) > 1) or (
        rest.startswith("[") and rest.endswith("]") and len(rest) > 2
    )


def is_authority(name: str) -> bool:
    """Whether this header is the name of the host asked for."""
    return name.lower() in (":authority", "host")


def _token(name: str, pattern: re.Pattern[str] = TOKEN) -> Complaint | None:
    if not name:
        return EMPTY
    return (
        None
        if pattern.fullmatch(name)
        else Complaint(f'"{name}" is no header name', "write letters, digits and -")
    )


def matched(name: str) -> Complaint | None:
    """The name in a header match."""
    return None if name in PSEUDO or is_claim(name) else _token(name)


def cors(name: str) -> Complaint | None:
    """A name in a CORS policy."""
    return None if name == "*" else _token(name)


def strict(name: str) -> Complaint | None:
    """A name in a JWT rule."""
    return _token(name, STRICT_NAME)


def probe(name: str) -> Complaint | None:
    """A name in an HTTP probe."""
    return _token(name, PROBE_NAME)


def changed(name: str) -> Complaint | None:
    """A header removed from a request, or changed in a response."""
    if not name:
        return EMPTY
    if name.lower() == "host":
        return Complaint(
            "the Host header cannot be changed here", "use rewrite.authority for the request's host"
        )
    return (
        Complaint(f"{name} is no header but part of HTTP itself", "remove it")
        if name.startswith(":")
        else None
    )


def changed_in_request(name: str) -> Complaint | None:
    """A header set in or added to a request; the host may be."""
    return None if is_authority(name) else changed(name)


def value(text: str) -> Complaint | None:
    """A header's value with Envoy's variables."""
    if CONTROL.search(text):
        return Complaint("the value has control characters", "remove them")
    if not VALUE.fullmatch(text):
        return Complaint(
            f'"{text}" has a % that begins no variable', "write %% for a percent sign, %NAME% for a variable"
        )
    return None


def operations(headers: Headers, steps: Steps) -> Findings:
    """All that is set, added and removed."""
    for part in ("request", "response"):
        changes = getattr(headers, part)
        name_rule = changed_in_request if part == "request" else changed
        for word in ("add", "set"):
            given: Mapping[str, str] = getattr(changes, word)
            for name, text in sorted(given.items()):
                yield from at((*steps, part, word, name), name_rule(name), value(text))
        for index, name in enumerate(changes.remove):
            yield from at((*steps, part, "remove", index), changed(name))
