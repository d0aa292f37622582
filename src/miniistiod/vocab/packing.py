"""A message → its Any, with the same bytes each time (maps in the order of their keys)."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

TYPE_URL = "type.googleapis.com/"


def packed(message: Message) -> Any:
    """The Any that carries this message."""
    return Any(
        type_url=TYPE_URL + message.DESCRIPTOR.full_name, value=message.SerializeToString(deterministic=True)
    )
