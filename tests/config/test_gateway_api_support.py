"""The lists of the Gateway API's fields that do nothing name fields that there are."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor

from miniistiod.api.kinds import GATEWAY_API, KINDS
from miniistiod.config.gateway_api_support import IGNORED, NOT_SUPPORTED
from miniistiod.config.support import field_name


def fields(message: Descriptor, seen: set[str]) -> set[str]:
    """The names of all fields in a message and in those below it."""
    if message.full_name in seen:
        return set()
    seen.add(message.full_name)
    below = [fields(each.message_type, seen) for each in message.fields if each.message_type]
    return {field_name(each) for each in message.fields}.union(*below)


def test_every_name_is_a_field() -> None:
    ours = [kind.message.DESCRIPTOR for kind in KINDS if kind.group == GATEWAY_API]
    known = set().union(*(fields(each, set()) for each in ours))
    assert {*IGNORED, *NOT_SUPPORTED} <= known
    assert not IGNORED.keys() & NOT_SUPPORTED.keys()
