"""One YAML scalar → one protobuf scalar, or `Wrong` with what to write instead.

What is taken and refused follows the API server's schema check: a number is no text and text is no number.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from yaml.nodes import Node, ScalarNode

from miniistiod.config.nodes import TEXT, scalar, shape
from miniistiod.config.reading import Wrong, suggestion, text

Value = str | int | float | bool | bytes
Scalar = Callable[[Node], Value]


def boolean(node: Node) -> bool:
    """true or false, with YAML 1.1's other words for them."""
    value = scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return value
    quoted = node.tag == TEXT and node.value in ("true", "false")
    remedy = f"write {node.value} without quotes" if quoted else "write true or false"
    raise Wrong("wrong-type", f"{shape(node)} where true or false is expected", remedy)


def integer(low: int, high: int) -> Callable[[Node], int]:
    """A whole number in these bounds."""

    def whole(node: Node) -> int:
        value = _number(node, "a whole number")
        if value != value or value in (float("inf"), float("-inf")) or int(value) != value:
            raise Wrong(
                "wrong-type", f"{shape(node)} where a whole number is expected", "leave out the fraction"
            )
        if not low <= value <= high:
            raise Wrong(
                "out-of-range",
                f"{node.value} does not fit in this field",
                f"write a number from {low} to {high}",
            )
        return int(value)

    return whole


def floating(node: Node) -> float:
    """A number."""
    return float(_number(node, "a number"))


def _number(node: Node, expected: str) -> int | float:
    value = scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    remedy = "write a number"
    if isinstance(value, str) and value.strip().lstrip("-").replace(".", "", 1).isdigit():
        remedy = f"write {value.strip()} without quotes"
    raise Wrong("wrong-type", f"{shape(node)} where {expected} is expected", remedy)


def encoded(node: Node) -> bytes:
    """Bytes, which JSON and YAML carry as base64."""
    try:
        return base64.b64decode(text(node), validate=True)
    except binascii.Error:
        raise Wrong("wrong-type", "this is not base64", "encode the bytes: `base64 -w0 FILE`") from None


def enumeration(descriptor: EnumDescriptor) -> Callable[[Node], int]:
    """One of the names of an enum."""
    numbers = {name: value.number for name, value in descriptor.values_by_name.items()}
    names = {value.number: name for name, value in descriptor.values_by_name.items()}

    def choice(node: Node) -> int:
        number = numbers.get(node.value) if isinstance(node, ScalarNode) else None
        if number is not None:
            return number
        raise _not_a_choice(node, numbers, names)

    return choice


def _not_a_choice(node: Node, numbers: dict[str, int], names: dict[int, str]) -> Wrong:
    value = scalar(node) if isinstance(node, ScalarNode) else None
    allowed = "write one of " + ", ".join(numbers)
    if isinstance(value, int) and not isinstance(value, bool) and value in names:
        return Wrong("wrong-enum", f"the number {value} where a name is expected", f"write {names[value]}")
    meant = suggestion(node.value, numbers) if isinstance(node, ScalarNode) else ""
    hint = f"did you mean {meant}? " if meant else ""
    return Wrong("wrong-enum", f"{shape(node)} is not a value of this field", hint + allowed)


F = FieldDescriptor
INT32, UINT32 = integer(-(2**31), 2**31 - 1), integer(0, 2**32 - 1)
INT64, UINT64 = integer(-(2**63), 2**63 - 1), integer(0, 2**64 - 1)

SCALARS: dict[int, Scalar] = {
    F.TYPE_STRING: text,
    F.TYPE_BOOL: boolean,
    F.TYPE_BYTES: encoded,
    F.TYPE_DOUBLE: floating,
    F.TYPE_FLOAT: floating,
    F.TYPE_INT32: INT32,
    F.TYPE_SINT32: INT32,
    F.TYPE_SFIXED32: INT32,
    F.TYPE_UINT32: UINT32,
    F.TYPE_FIXED32: UINT32,
    F.TYPE_INT64: INT64,
    F.TYPE_SINT64: INT64,
    F.TYPE_SFIXED64: INT64,
    F.TYPE_UINT64: UINT64,
    F.TYPE_FIXED64: UINT64,
}


def scalar_of(field: FieldDescriptor) -> Scalar:
    """How this field reads its scalar."""
    return enumeration(field.enum_type) if field.enum_type is not None else SCALARS[field.type]


def map_key(field: FieldDescriptor) -> Callable[[str, Node], Value]:
    """How a map reads its keys: JSON's are text, so numbers are taken from text."""
    if field.type == F.TYPE_STRING:
        return lambda key, node: key
    read = SCALARS[field.type]
    return lambda key, node: read(ScalarNode("plain", key, node.start_mark, node.end_mark))
