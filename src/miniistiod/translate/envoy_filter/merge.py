"""A message and a patch → the message with the patch merged into it, as EnvoyFilter's MERGE does.

Fields are merged one by one; lists grow (or are replaced, for MERGE_AND_REPLACE_LIST), entries of maps and
durations are replaced whole.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from miniistiod.vocab.packing import packed

M = TypeVar("M", bound=Message)


def merged(message: M, patch: Message, *, replaces_lists: bool = False) -> M:
    """A new message; both arguments stay as they are."""
    result = type(message)()
    result.CopyFrom(message)
    _merge(result, patch, replaces_lists)
    return result


def merged_any(packed_message: ProtoAny, patch: ProtoAny) -> ProtoAny:
    """The Any with the patch's content merged in. If the types differ or nobody knows them it stays."""
    if packed_message.type_url != patch.type_url:
        return packed_message
    try:
        kind = descriptor_pool.Default().FindMessageTypeByName(patch.type_url.rpartition("/")[2])
    except KeyError:
        return packed_message
    message = message_factory.GetMessageClass(kind)
    return packed(merged(message.FromString(packed_message.value), message.FromString(patch.value)))


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
