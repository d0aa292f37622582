"""Joining serialised messages: a repeated field of messages on the wire is its entries one after another.

So a big resource can be put together from parts that were serialised before, each of them once.
"""

from __future__ import annotations

from collections.abc import Iterable

VARINT = 0
LENGTH_DELIMITED = 2


def entries(field: int, bodies: Iterable[bytes]) -> bytes:
    """The bytes of the repeated message field of this number."""
    tag = varint(field << 3 | LENGTH_DELIMITED)
    return b"".join(part for body in bodies for part in (tag, varint(len(body)), body))


def truth(field: int) -> bytes:
    """The bytes of the boolean field of this number, set to true."""
    return varint(field << 3 | VARINT) + varint(1)


def varint(number: int) -> bytes:
    """A number in protobuf's base 128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
