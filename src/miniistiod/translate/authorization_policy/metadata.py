"""Dynamic metadata that other filters left on the request → MetadataMatcher (JWT claims, Envoy filters)."""

from __future__ import annotations

from collections.abc import Sequence

from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ListMatcher, OrMatcher, ValueMatcher

from miniistiod.translate.authorization_policy import value

JWT_FILTER = "envoy.filters.http.jwt_authn"
JWT_PAYLOAD = "payload"
"""The key under which jwt_authn leaves the claims of a verified token."""


def text(match: StringMatcher) -> ValueMatcher:
    """A metadata value that is a string."""
    return ValueMatcher(string_match=match)


def listed(match: ValueMatcher) -> ValueMatcher:
    """A metadata value that is a list in which one element matches."""
    return ValueMatcher(list_match=ListMatcher(one_of=match))


def any_of(matchers: Sequence[ValueMatcher]) -> ValueMatcher:
    """One of these; a single one stands for itself."""
    if len(matchers) == 1:
        return matchers[0]
    return ValueMatcher(or_match=OrMatcher(value_matchers=matchers))


def at(filter_name: str, path: Sequence[str], match: ValueMatcher) -> MetadataMatcher:
    """The value under this path of what the filter left."""
    segments = [MetadataMatcher.PathSegment(key=key) for key in path]
    return MetadataMatcher(filter=filter_name, path=segments, value=match)


def claim(name: str, match: StringMatcher) -> MetadataMatcher:
    """A claim that is a string."""
    return at(JWT_FILTER, (JWT_PAYLOAD, name), text(match))


def claims(path: Sequence[str], values: Sequence[str]) -> MetadataMatcher:
    """A claim, maybe nested, that is one of the values or a list with one of them."""
    match = any_of([text(value.text(v)) for v in values])
    either = ValueMatcher(or_match=OrMatcher(value_matchers=[listed(match), match]))
    return at(JWT_FILTER, (JWT_PAYLOAD, *path), either)
