"""Whether an rbac Policy matches a request, as Envoy decides it: for explanations and for tests.

Source: Envoy's rbac matchers. Only what AuthorizationPolicy can become is known; anything else is an error.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import re2
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import UriTemplateMatchConfig

from miniistiod.vocab.asked import Asked


def policy_matches(policy: Any, asked: Asked) -> bool:
    """One of the permissions and one of the principals."""
    permitted = any(permission_matches(p, asked) for p in policy.permissions)
    return permitted and any(principal_matches(p, asked) for p in policy.principals)


def permission_matches(permission: Any, asked: Asked) -> bool:
    """Whether this is asked for."""
    which = permission.WhichOneof("rule")
    return PERMISSIONS[which](getattr(permission, which), asked)


def principal_matches(principal: Any, asked: Asked) -> bool:
    """Whether this one asks."""
    which = principal.WhichOneof("identifier")
    return PRINCIPALS[which](getattr(principal, which), asked)


def text_matches(matcher: Any, text: str) -> bool:
    """A StringMatcher."""
    which = matcher.WhichOneof("match_pattern")
    if which == "safe_regex":
        return re2.fullmatch(matcher.safe_regex.regex, text) is not None
    pattern = getattr(matcher, which)
    if matcher.ignore_case:
        pattern, text = pattern.lower(), text.lower()
    return TEXTS[which](text, pattern)


def value_matches(matcher: Any, value: Any) -> bool:
    """A ValueMatcher on a piece of metadata."""
    which = matcher.WhichOneof("match_pattern")
    if which == "or_match":
        return any(value_matches(m, value) for m in matcher.or_match.value_matchers)
    if which == "list_match":
        return isinstance(value, list) and any(value_matches(matcher.list_match.one_of, v) for v in value)
    return isinstance(value, str) and text_matches(matcher.string_match, value)


def _header(matcher: Any, asked: Asked) -> bool:
    value = asked.header(matcher.name)
    if value is None:
        return False
    return matcher.WhichOneof("header_match_specifier") == "present_match" or text_matches(
        matcher.string_match, value
    )


def _metadata(matcher: Any, asked: Asked) -> bool:
    value: Any = asked.dynamic_metadata.get(matcher.filter)
    for segment in matcher.path:
        value = value.get(segment.key) if isinstance(value, Mapping) else None
    return value is not None and value_matches(matcher.value, value)


def _path(matcher: Any, asked: Asked) -> bool:
    return text_matches(matcher.path, _bare(asked.path))


def _template(extension: Any, asked: Asked) -> bool:
    config = UriTemplateMatchConfig.FromString(extension.typed_config.value)
    parts = (_part(part) for part in config.path_template.split("/"))
    return re2.fullmatch("/".join(parts), _bare(asked.path)) is not None


def _part(part: str) -> str:
    return {"*": "[^/]+", "**": ".*"}.get(part) or str(re2.escape(part))


def _bare(path: str) -> str:
    return path.partition("?")[0].partition("#")[0]


def _within(block: Any, address: str) -> bool:
    if not address:
        return False
    network = ipaddress.ip_network(f"{block.address_prefix}/{block.prefix_len.value}", strict=False)
    return ipaddress.ip_address(address) in network


def _authenticated(matcher: Any, asked: Asked) -> bool:
    return bool(asked.principal) and text_matches(matcher.principal_name, asked.principal)


def _all(matches: Callable[[Any, Asked], bool], parts: Sequence[Any], asked: Asked) -> bool:
    return all(matches(part, asked) for part in parts)


def _any(matches: Callable[[Any, Asked], bool], parts: Sequence[Any], asked: Asked) -> bool:
    return any(matches(part, asked) for part in parts)


Match = Callable[[Any, Asked], bool]

TEXTS: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}
PERMISSIONS: dict[str, Match] = {
    "any": lambda _, asked: True,
    "and_rules": lambda m, asked: _all(permission_matches, m.rules, asked),
    "or_rules": lambda m, asked: _any(permission_matches, m.rules, asked),
    "not_rule": lambda m, asked: not permission_matches(m, asked),
    "header": _header,
    "url_path": _path,
    "uri_template": _template,
    "metadata": _metadata,
    "destination_port": lambda port, asked: bool(port == asked.port),
    "destination_ip": lambda block, asked: _within(block, asked.address),
    "requested_server_name": lambda m, asked: text_matches(m, asked.server_name),
}
PRINCIPALS: dict[str, Match] = {
    "any": lambda _, asked: True,
    "and_ids": lambda m, asked: _all(principal_matches, m.ids, asked),
    "or_ids": lambda m, asked: _any(principal_matches, m.ids, asked),
    "not_id": lambda m, asked: not principal_matches(m, asked),
    "authenticated": _authenticated,
    "direct_remote_ip": lambda block, asked: _within(block, asked.source_ip),
    "remote_ip": lambda block, asked: _within(block, asked.remote_ip),
    "header": _header,
    "metadata": _metadata,
}
