"""A message and a patch → the message with the patch merged into it, as EnvoyFilter's MERGE does.

Fields are merged one by one; lists grow (or are replaced, for MERGE_AND_REPLACE_LIST), entries of maps and
durations are replaced whole.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def merged(message: M, patch: Message, *, replaces_lists: bool = False) -> M:
    """A new message; both arguments stay as they are."""
    result = type(message)()
    result.CopyFrom(message)
    _merge(result, patch, replaces_lists)
    return result


def _merge(target: Any, patch: Message, replaces_lists: bool) -> None:
    for field, value in patch.ListFields():
        if _is_map(field):
            _merge_map(getattr(target, field.name), field, value)
        elif field.is_repeated:
            if replaces_lists:
                target.ClearField(field.name)
            getattr(target, field.name).extend(value)
        elif isinstance(value, Duration):
            getattr(target, field.name).CopyFrom(value)
        elif isinstance(value, Message):
            getattr(target, field.name).SetInParent()
            _merge(getattr(target, field.name), value, replaces_lists)
        else:
            setattr(target, field.name, value)


def _merge_map(target: Any, field: FieldDescriptor, entries: Any) -> None:
    entry = field.message_type
    of_messages = entry is not None and entry.fields_by_name["value"].message_type is not None
    for key in entries:
        if of_messages:
            target[key].CopyFrom(entries[key])
        else:
            target[key] = entries[key]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)
