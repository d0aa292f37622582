"""Warnings about rules of a VirtualService never chosen, since an earlier one takes all they match.

Source: analyzeUnreachable...Rules in istio's pkg/config/validation; the codes are istioctl's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, StringMatch, VirtualService
from miniistiod.config.diagnostics import Level
from miniistiod.config.validation.finding import Finding, Findings, Steps, warning

UNREACHABLE_RULE, INEFFECTIVE_MATCH = "IST0130", "IST0131"

Texts = Mapping[str, str]


def unreachable(service: VirtualService) -> Findings:
    """All such warnings about a VirtualService."""
    for protocol in ("http", "tcp", "tls"):
        yield from _shadowed(protocol, getattr(service, protocol))
    yield from _covered(service)


def _name(route: Any, index: int) -> str:
    name = getattr(route, "name", "")
    return f'"{name}"' if name else f"#{index}"


def _same(match: Any) -> bytes:
    """What a match says, without its name."""
    bare = type(match)()
    bare.CopyFrom(match)
    if isinstance(bare, HTTPMatchRequest):
        bare.ClearField("name")
    text: bytes = bare.SerializeToString(deterministic=True)
    return text


def _shadowed(protocol: str, routes: Sequence[Any]) -> Findings:
    seen: dict[bytes, int] = {}
    catch_all = False
    for index, route in enumerate(routes):
        here: Steps = (protocol, index)
        name = _name(route, index)
        if not route.match:
            if catch_all:
                yield from _rule(here, name, "an earlier rule without a match takes everything")
            catch_all = True
            continue
        if catch_all:
            yield from _rule((*here, "match"), name, "an earlier rule without a match takes everything")
            continue
        repeated = 0
        for number, match in enumerate(route.match):
            first = seen.setdefault(_same(match), index)
            if first != index or _same(match) in map(_same, route.match[:number]):
                repeated += 1
                yield from _match((*here, "match", number), name, _name(routes[first], first))
        if repeated == len(route.match):
            yield from _rule(here, name, "earlier rules have all its matches")


def _rule(steps: Steps, name: str, reason: str) -> Findings:
    yield from warning(
        steps, f"rule {name} is never used: {reason}", "move it up, or remove it", UNREACHABLE_RULE
    )


def _match(steps: Steps, name: str, other: str) -> Findings:
    message = f"this match of rule {name} is never used: rule {other} has one that takes the same"
    remedy = "remove it, or move the narrower match up"
    yield Finding(steps, message, remedy, INEFFECTIVE_MATCH, Level.INFO)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A match by path prefix, as far as istiod compares such matches."""

    steps: Steps
    rule: str
    prefix: str
    port: int
    method: str
    authority: str
    maps: tuple[Texts, Texts, Texts]


def _prefix(match: HTTPMatchRequest, steps: Steps, rule: str) -> _Prefix:
    return _Prefix(
        steps,
        rule,
        match.uri.prefix,
        match.port,
        _text(match.method) or "exact:GET",
        _text(match.authority),
        (_texts(match.headers), _texts(match.query_params), _texts(match.without_headers)),
    )


def _texts(given: Mapping[str, StringMatch]) -> Texts:
    return {name: _text(wanted) for name, wanted in given.items()}


def _text(match: StringMatch) -> str:
    return f"exact:{match.exact}" if match.exact else f"prefix:{match.prefix}" if match.prefix else ""


def _covered(service: VirtualService) -> Findings:
    found: list[_Prefix] = []
    seen: set[bytes] = set()
    for index, route in enumerate(service.http):
        if not route.match and index < len(service.http) - 1:
            break  # nothing after it is looked at, and `_shadowed` says so
        for number, match in enumerate(route.match):
            if match.uri.prefix and _same(match) not in seen:
                found.append(_prefix(match, ("http", index, "match", number), _name(route, index)))
            seen.add(_same(match))
    for index, late in enumerate(found):
        for early in found[:index]:
            if early.prefix != late.prefix and _covers(early, late):
                yield from _match(late.steps, late.rule, early.rule)


def _covers(early: _Prefix, late: _Prefix) -> bool:
    return (
        late.prefix.startswith(early.prefix)
        and late.port == early.port
        and early.method.startswith(late.method)
        and early.authority.startswith(late.authority)
        and all(_same_keys(one, other) for one, other in zip(early.maps, late.maps, strict=True))
    )


def _same_keys(early: Texts, late: Texts) -> bool:
    return early.keys() == late.keys() and all(early[name].startswith(late[name]) for name in early)
