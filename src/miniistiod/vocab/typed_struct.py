"""The configuration of a filter whose message the sender does not have: a type name and fields, as an Any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Anything

from google.protobuf.any_pb2 import Any
from google.protobuf.struct_pb2 import Struct
from udpa.type.v1.typed_struct_pb2 import TypedStruct

from miniistiod.vocab.packing import TYPE_URL, packed


def typed_struct(message: str, fields: Mapping[str, Anything] | None = None) -> Any:
    """The Any for a message by its full name; Envoy reads the fields into it."""
    value = Struct()
    value.update(dict(fields or {}))
    return packed(TypedStruct(type_url=TYPE_URL + message, value=value if fields else None))
