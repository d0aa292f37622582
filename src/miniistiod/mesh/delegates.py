"""An HTTPRoute that delegates, and the rules of its delegate → the rules that take its place.

A delegate's rule must ask for a part of what the root's matches let through; one that does not is dropped.
Source: Istio's rules of delegation (virtualservice.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping

from google.protobuf.message import Message

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, HTTPRoute, StringMatch

INHERITED = (
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirror_percent",
    "mirror_percentage",
    "cors_policy",
    "headers",
)
"""What a delegate's rule takes from the root's rule when it says nothing itself."""

MATCHED = ("uri", "scheme", "method", "authority")
MAPS = ("headers", "without_headers", "query_params")


def delegated(root: HTTPRoute, rules: Iterable[HTTPRoute]) -> Iterator[HTTPRoute]:
    """The delegate's rules under the root's rule, those that can be, in the delegate's order."""
    for rule in rules:
        matches = _matches(root.match, rule.match)
        if matches is not None:
            yield _merged(root, rule, matches)


def _merged(root: HTTPRoute, rule: HTTPRoute, matches: Iterable[HTTPMatchRequest]) -> HTTPRoute:
    merged = HTTPRoute()
    merged.CopyFrom(rule)
    merged.ClearField("match")
    merged.match.extend(matches)
    merged.name = _joined(root.name, rule.name)
    _inherit(root, merged, INHERITED)
    if not merged.mirrors:
        merged.mirrors.extend(root.mirrors)
    return merged


def _joined(root: str, name: str) -> str:
    return "-".join(part for part in (root, name) if part)


def _inherit(root: Message, merged: Message, fields: Iterable[str]) -> None:
    for field in fields:
        if root.HasField(field) and not merged.HasField(field):
            getattr(merged, field).CopyFrom(getattr(root, field))


def _matches(
    roots: Iterable[HTTPMatchRequest], leaves: Iterable[HTTPMatchRequest]
) -> list[HTTPMatchRequest] | None:
    """Every leaf under every root it goes with; None when a leaf goes with none."""
    roots, leaves = list(roots), list(leaves)
    if not roots or not leaves:
        return leaves or roots
    merged = []
    for leaf in leaves:
        under = [_match(root, leaf) for root in roots if not _conflict(root, leaf)]
        if not under:
            return None
        merged += under
    return merged


def _match(root: HTTPMatchRequest, leaf: HTTPMatchRequest) -> HTTPMatchRequest:
    merged = HTTPMatchRequest()
    merged.CopyFrom(leaf)
    merged.name = _joined(root.name, leaf.name)
    _inherit(root, merged, MATCHED)
    for field in MAPS:
        _fill(getattr(merged, field), getattr(root, field))
    for key, value in root.source_labels.items():
        if key not in merged.source_labels:
            merged.source_labels[key] = value
    merged.port = leaf.port or root.port
    merged.source_namespace = leaf.source_namespace or root.source_namespace
    merged.stat_prefix = leaf.stat_prefix or root.stat_prefix
    if not leaf.gateways:
        merged.gateways.extend(root.gateways)
    return merged


def _fill(target: MutableMapping[str, StringMatch], source: MutableMapping[str, StringMatch]) -> None:
    for key, value in source.items():
        if key not in target:
            target[key].CopyFrom(value)


def _conflict(root: HTTPMatchRequest, leaf: HTTPMatchRequest) -> bool:
    """Whether no request, or not only requests of the root's match, would pass both."""
    return (
        any(_outside(root, leaf, field) for field in MATCHED)
        or any(_map_outside(getattr(root, field), getattr(leaf, field)) for field in MAPS)
        or root.ignore_uri_case != leaf.ignore_uri_case
        or (0 not in (root.port, leaf.port) and root.port != leaf.port)
        or root.source_namespace not in ("", leaf.source_namespace)
        or any(root.source_labels.get(key, value) != value for key, value in leaf.source_labels.items())
        or _gateways_outside(list(root.gateways), list(leaf.gateways))
    )


def _gateways_outside(root: list[str], leaf: list[str]) -> bool:
    return bool(root and leaf) and (len(leaf) > len(root) or not set(leaf) <= set(root))


def _outside(root: HTTPMatchRequest, leaf: HTTPMatchRequest, field: str) -> bool:
    both = root.HasField(field) and leaf.HasField(field)
    return both and not _within(getattr(root, field), getattr(leaf, field))


def _map_outside(root: MutableMapping[str, StringMatch], leaf: MutableMapping[str, StringMatch]) -> bool:
    return any(key in root and not _within(root[key], value) for key, value in leaf.items())


def _within(root: StringMatch, leaf: StringMatch) -> bool:
    """Whether the leaf's match is part of the root's. A regex next to anything else counts as outside."""
    if leaf.regex and (root.regex or root.prefix or root.exact):
        return False
    if root.exact:
        return leaf.exact == root.exact
    if root.prefix and not root.regex:
        return (leaf.prefix or leaf.exact).startswith(root.prefix)
    return False
