"""Rules for values: durations, ports, percentages, statuses, subnets, regular expressions, string matches.

Source: istio's pkg/config/validation.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus

import re2
from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRetry, Percent, StringMatch
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error

LONGEST_REGEX = 1024
MILLISECOND = 1_000_000
STATUS_CODES = frozenset(str(status.value) for status in HTTPStatus)
RETRY_ON = frozenset(
    (
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx",
        "refused-stream", "retriable-status-codes", "retriable-headers", "envoy-ratelimited",
        "http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted",
        "unavailable",
    )
)  # fmt: skip
"""What Envoy knows as reasons to try again, over HTTP and gRPC."""

_QUIET = re2.Options()
_QUIET.log_errors = False


def nanoseconds(value: Duration) -> int:
    """The length of a duration."""
    return value.seconds * 1_000_000_000 + value.nanos


def duration(value: Duration) -> Complaint | None:
    """At least a millisecond, in whole milliseconds."""
    if nanoseconds(value) < MILLISECOND:
        return Complaint("the time must be at least 1ms", "write a longer time, or leave the field out")
    if nanoseconds(value) % MILLISECOND:
        return Complaint("the time has parts of a millisecond", "round it to milliseconds")
    return None


def port(number: int) -> Complaint | None:
    """A port number."""
    return (
        None if 1 <= number <= 65535 else Complaint(f"{number} is no port", "write a number from 1 to 65535")
    )


def not_negative(number: int) -> Complaint | None:
    """A count."""
    return None if number >= 0 else Complaint(f"{number} is negative", "write 0 or more")


def whole_percent(number: int) -> Complaint | None:
    """0 to 100."""
    return (
        None
        if 0 <= number <= 100
        else Complaint(f"{number} is no percentage", "write a number from 0 to 100")
    )


def percentage(value: Percent) -> Complaint | None:
    """0, or from a millionth to 100, which is what a fraction of a million can say."""
    if 0 <= value.value <= 100 and not 0 < value.value < 0.0001:
        return None
    return Complaint(f"{value.value:g} is no percentage", "write 0, or a number from 0.0001 to 100")


def share(number: float) -> Complaint | None:
    """0 to 100, however small."""
    return (
        None
        if 0 <= number <= 100
        else Complaint(f"{number:g} is no percentage", "write a number from 0 to 100")
    )


def http_status(number: int) -> Complaint | None:
    """A status that a proxy may answer with."""
    if 200 <= number <= 600:
        return None
    return Complaint(f"{number} is no HTTP status to answer with", "write a number from 200 to 599")


def subnet(text: str) -> Complaint | None:
    """An address, or a range of them as ADDRESS/BITS."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return Complaint(
            f'"{text}" is no address or range of addresses', "write it as 10.1.2.3 or 10.1.0.0/16"
        )
    return None


def regex(text: str) -> Complaint | None:
    """A regular expression of RE2, which has no look-around and no back references."""
    if not text:
        return Complaint("the regular expression is empty", "write one, .* matches everything")
    return regex_syntax(text)


def regex_syntax(text: str) -> Complaint | None:
    """The same for a text that may be empty."""
    if len(text.encode()) > LONGEST_REGEX:
        return Complaint(f"the regular expression is longer than {LONGEST_REGEX} bytes", "shorten it")
    try:
        re2.compile(text, _QUIET)
    except re2.error as problem:
        reason = problem.args[0].decode() if isinstance(problem.args[0], bytes) else str(problem)
        return Complaint(
            f"this is no RE2 regular expression: {reason}",
            "see https://github.com/google/re2/wiki/Syntax; RE2 has no (?=...), (?!...) and \\1",
        )
    return None


def regex_match(match: StringMatch, steps: Steps) -> Findings:
    """A string match whose prefix may be empty, as that of a path."""
    if match.WhichOneof("match_type") == "regex":
        yield from at((*steps, "regex"), regex(match.regex))


def string_match(match: StringMatch, steps: Steps) -> Findings:
    """A string match whose prefix has to say something."""
    if match.WhichOneof("match_type") == "prefix" and not match.prefix:
        yield from error(
            (*steps, "prefix"), "an empty prefix matches everything", "write the prefix, or {} for any value"
        )
    yield from regex_match(match, steps)


def retry(retries: HTTPRetry, steps: Steps) -> Findings:
    """A retry policy, of a route or of the mesh."""
    yield from at((*steps, "attempts"), not_negative(retries.attempts))
    if retries.attempts == 0:
        yield from _off_with_more(retries, steps)
    for name, json_name in (("per_try_timeout", "perTryTimeout"), ("backoff", "backoff")):
        if retries.HasField(name):
            yield from at((*steps, json_name), duration(getattr(retries, name)))
    for word in retries.retry_on.split(",") if retries.retry_on else ():
        if word not in RETRY_ON and word not in STATUS_CODES:
            known = ", ".join(sorted(RETRY_ON))
            remedy = f"write HTTP status codes or some of {known}, with commas and no spaces between"
            yield from error((*steps, "retryOn"), f'"{word}" is no reason to retry', remedy)


def _off_with_more(retries: HTTPRetry, steps: Steps) -> Findings:
    if retries.retry_on or retries.HasField("per_try_timeout") or retries.HasField("retry_remote_localities"):
        message = "attempts is 0 or missing, which switches retries off, yet more is said about them"
        yield from error((*steps, "attempts"), message, "write attempts: 2, or leave the rest out")
