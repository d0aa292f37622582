"""All fields of Istio's kinds, and where a configuration uses them.

A field is named MESSAGE.FIELD (`HTTPRoute.timeout`): one message has one meaning wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from miniistiod.api.kinds import KINDS
from miniistiod.config.support import field_name, inner

Step = tuple[str, Any]
Way = tuple[Step, ...]
"""(field, index or key or None) from the top of a message down to the message that has the field."""


def all_fields() -> set[str]:
    """Every field of every message that an Istio kind is made of."""
    found: dict[str, Descriptor] = {}
    for kind in KINDS:
        if kind.group.endswith("istio.io"):
            collect(kind.message.DESCRIPTOR, found)
    return {field_name(field) for descriptor in found.values() for field in descriptor.fields}


def collect(descriptor: Descriptor, found: dict[str, Descriptor]) -> None:
    """A message and those inside it, except Google's own."""
    if descriptor.full_name in found or descriptor.full_name.startswith("google."):
        return
    found[descriptor.full_name] = descriptor
    for field in descriptor.fields:
        below = inner(field)
        if below is not None:
            collect(below, found)


def uses(message: Message, way: Way = ()) -> Iterator[tuple[str, Way, FieldDescriptor]]:
    """Each field that is set, with the way to the message that has it."""
    for field, value in message.ListFields():
        yield field_name(field), way, field
        if inner(field) is None or inner(field).full_name.startswith("google."):  # type: ignore[union-attr]
            continue
        for key, each in elements(field, value):
            yield from uses(each, (*way, (field.name, key)))


def elements(field: FieldDescriptor, value: Any) -> Iterator[tuple[Any, Message]]:
    """The messages in a field, each with its index or key, or None."""
    if not field.is_repeated:
        yield None, value
    elif field.message_type.GetOptions().map_entry:
        yield from value.items()
    else:
        yield from enumerate(value)


def without(message: Message, way: Way, field: str) -> Message:
    """A copy that lacks the field at the end of the way."""
    copy = type(message)()
    copy.CopyFrom(message)
    here: Any = copy
    for name, key in way:
        here = getattr(here, name)
        here = here if key is None else here[key]
    here.ClearField(field)
    return copy
