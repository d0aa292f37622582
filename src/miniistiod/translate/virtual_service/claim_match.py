"""A header match on `@request.auth.claims` → a match on what the jwt_authn filter wrote.

`@request.auth.claims.a.b` and `@request.auth.claims[a][b]` both name the claim b inside a. The value may be
the claim itself or one entry of a claim that is a list.
"""

from __future__ import annotations

from envoy.type.matcher.v3 import metadata_pb2, value_pb2

from miniistiod.api.istio.networking.virtual_service_pb2 import StringMatch
from miniistiod.translate.virtual_service.string_match import string_matcher

PREFIX = "@request.auth.claims"
FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"


def claim_path(header: str) -> list[str] | None:
    """The names leading to the claim, or None for a header that is none."""
    if not header.lower().startswith(PREFIX):
        return None
    rest = header[len(PREFIX) :]
    if rest.startswith(".") and len(rest) > 1:
        return rest[1:].split(".")
    if rest.startswith("[") and rest.endswith("]") and len(rest) > 2:
        return rest[1:-1].split("][")
    return None


def claim_matcher(path: list[str], match: StringMatch, invert: bool = False) -> metadata_pb2.MetadataMatcher:
    """Matches the claim, or an entry of it."""
    value = value_pb2.ValueMatcher(string_match=string_matcher(match))
    entry = value_pb2.ValueMatcher(list_match=value_pb2.ListMatcher(one_of=value))
    segments = [metadata_pb2.MetadataMatcher.PathSegment(key=key) for key in (PAYLOAD, *path)]
    either = value_pb2.ValueMatcher(or_match=value_pb2.OrMatcher(value_matchers=[entry, value]))
    return metadata_pb2.MetadataMatcher(filter=FILTER, path=segments, value=either, invert=invert)
