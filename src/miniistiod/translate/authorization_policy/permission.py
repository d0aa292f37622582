"""What is asked for → Permission: one function for each attribute, values in, matcher out.

None means that nothing of it can be enforced here and that the action allows to leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.rbac.v3.rbac_pb2 import Permission
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import UriTemplateMatchConfig
from envoy.type.matcher.v3.path_pb2 import PathMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher
from google.protobuf.any_pb2 import Any

from miniistiod.translate.authorization_policy import key, metadata, value
from miniistiod.translate.authorization_policy.enforcement import Enforcement

Attribute = Callable[[Sequence[str], Enforcement], "Permission | None"]

ONE_SEGMENT = "{*}"
ANY_SEGMENTS = "{**}"
_OPERATORS = re.compile(r"\{(\*\*?)\}")


def any_of(permissions: Sequence[Permission]) -> Permission | None:
    """One of these, even if there is but one; None of none."""
    return Permission(or_rules=Permission.Set(rules=permissions)) if permissions else None


def all_of(permissions: Sequence[Permission]) -> Permission:
    """All of these; anything when there is none."""
    return Permission(and_rules=Permission.Set(rules=permissions or [Permission(any=True)]))


def nothing_of(permission: Permission) -> Permission:
    """Anything but this."""
    return Permission(not_rule=permission)


def host(values: Sequence[str], where: Enforcement) -> Permission | None:
    """The host of the request, in any case of letters."""

    def one(v: str) -> Permission:
        where.http_only("hosts")
        return Permission(header=value.header(":authority", v, ignore_case=True))

    return any_of(where.each(values, one))


def method(values: Sequence[str], where: Enforcement) -> Permission | None:
    """The HTTP method; POST for gRPC."""

    def one(v: str) -> Permission:
        where.http_only("methods")
        return Permission(header=value.header(":method", v))

    return any_of(where.each(values, one))


def path(values: Sequence[str], where: Enforcement) -> Permission | None:
    """The path without the query; with `{*}` (one segment) or `{**}` (any number) it is a template."""

    def one(v: str) -> Permission:
        where.http_only("paths")
        if ONE_SEGMENT in v or ANY_SEGMENTS in v:
            return Permission(uri_template=_template(v))
        return Permission(url_path=PathMatcher(path=value.text(v)))

    return any_of(where.each(values, one))


def _template(path_template: str) -> TypedExtensionConfig:
    written = _OPERATORS.sub(lambda found: found[1], path_template)
    config = Any()
    config.Pack(UriTemplateMatchConfig(path_template=written))
    return TypedExtensionConfig(name="uri-template", typed_config=config)


def port(values: Sequence[str], where: Enforcement) -> Permission | None:
    """destination.port: the port the workload listens on."""
    return any_of(where.each(values, lambda v: Permission(destination_port=value.port(v))))


def destination_ip(values: Sequence[str], where: Enforcement) -> Permission | None:
    """destination.ip."""
    return any_of(where.each(values, lambda v: Permission(destination_ip=value.cidr(v))))


def server_name(values: Sequence[str], where: Enforcement) -> Permission | None:
    """connection.sni."""
    return any_of([Permission(requested_server_name=value.text(v)) for v in values])


def filter_metadata(condition: str) -> Attribute:
    """experimental.envoy.filters.NAME[KEY]: what another filter left; `[v]` asks for a list that has v."""

    def match(values: Sequence[str]) -> Permission:
        filter_name, inner = key.filter_and_key(condition)
        either = metadata.any_of([_metadata_value(v) for v in values])
        return Permission(metadata=metadata.at(filter_name, (inner,), either))

    return lambda values, where: where.whole(values, match)


def _metadata_value(v: str) -> ValueMatcher:
    if v.startswith("[") and v.endswith("]"):
        return metadata.listed(metadata.text(value.text(v.strip("[]"))))
    return metadata.text(value.text(v))
