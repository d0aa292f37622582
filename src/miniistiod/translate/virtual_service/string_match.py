"""StringMatch → envoy.type.matcher.v3.StringMatcher.

A match without a value, and the regex `*` (which is not RE2 but Istio's own word), only ask for presence.
"""

from __future__ import annotations

from envoy.type.matcher.v3 import regex_pb2, string_pb2

from miniistiod.api.istio.networking.virtual_service_pb2 import StringMatch


def string_matcher(match: StringMatch) -> string_pb2.StringMatcher:
    """The matcher; an empty one when the match says nothing."""
    match match.WhichOneof("match_type"):
        case "exact":
            return string_pb2.StringMatcher(exact=match.exact)
        case "prefix":
            return string_pb2.StringMatcher(prefix=match.prefix)
        case "regex":
            return string_pb2.StringMatcher(safe_regex=regex_pb2.RegexMatcher(regex=match.regex))
    return string_pb2.StringMatcher()


def is_presence(match: StringMatch) -> bool:
    """Whether the match only asks that there be a value."""
    kind = match.WhichOneof("match_type")
    return kind is None or (kind == "regex" and match.regex == "*")
