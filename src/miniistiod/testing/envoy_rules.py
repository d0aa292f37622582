"""A message of Envoy's API → what in it breaks the rules that its schema states, each with the field's path.

The rules are the protoc-gen-validate options in the descriptors of xds-protos: what a real Envoy checks
first of all in what it is sent. Messages inside an Any are opened and checked too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

import re2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from validate import validate_pb2

WRAPPED = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
HEADER_NAME = r"^:?[0-9a-zA-Z!#$%&'*+-.^_|~\x60]+$"
HEADER_VALUE = r"^[^\x00-\x08\x0A-\x1F\x7F]*$"
ANY_HEADER = r"^[^\x00\x0A\x0D]*$"
HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")

Rule = Callable[[Any, Any], bool]
"""(the value, the rule's own value) → whether the value keeps it."""


def faults(message: Message, path: str = "") -> Iterator[str]:
    """Every rule that is broken, as "PATH: RULE"."""
    for oneof in message.DESCRIPTOR.oneofs:
        required = oneof.GetOptions().Extensions[validate_pb2.required]
        if required and message.WhichOneof(oneof.name) is None:
            yield f"{path}{oneof.name}: one of its members is required"
    for field in message.DESCRIPTOR.fields:
        rules = field.GetOptions().Extensions[validate_pb2.rules]
        yield from field_faults(message, field, rules, path + field.name)


def field_faults(message: Message, field: Any, rules: Any, path: str) -> Iterator[str]:
    """The faults of one field of a message, and of everything in it."""
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        yield from map_faults(value, field, rules.map, path)
    elif field.is_repeated:
        yield from list_faults(value, field, rules.repeated, path)
    elif field.message_type is not None:
        if message.HasField(field.name):
            yield from value_faults(value, rules, path)
        elif field.containing_oneof is None and requires(rules):
            yield f"{path}: required"
    elif not field.has_presence or message.HasField(field.name):
        yield from value_faults(value, rules, path, field)


def requires(rules: Any) -> bool:
    """Whether a message must be there."""
    return bool(
        rules.message.required or rules.duration.required or rules.timestamp.required or rules.any.required
    )


def map_faults(value: Any, field: Any, rules: Any, path: str) -> Iterator[str]:
    """The faults of a map, its keys and its values."""
    if rules.ignore_empty and not value:
        return
    yield from size_faults(len(value), rules, "pairs", path)
    kinds = field.message_type.fields_by_name
    for key in value:
        yield from value_faults(key, rules.keys, f"{path}[{key}]", kinds["key"])
        yield from value_faults(value[key], rules.values, f"{path}[{key}]", kinds["value"])


def list_faults(values: Any, field: Any, rules: Any, path: str) -> Iterator[str]:
    """The faults of a list and of its items."""
    if rules.ignore_empty and not values:
        return
    yield from size_faults(len(values), rules, "items", path)
    if rules.unique and len({str(value) for value in values}) < len(values):
        yield f"{path}: unique"
    for index, value in enumerate(values):
        yield from value_faults(value, rules.items, f"{path}[{index}]", field)


def size_faults(size: int, rules: Any, what: str, path: str) -> Iterator[str]:
    """Too few, or too many."""
    for rule, holds in ((f"min_{what}", int.__ge__), (f"max_{what}", int.__le__)):
        if rules.HasField(rule) and not holds(size, getattr(rules, rule)):
            yield f"{path}: {rule} {getattr(rules, rule)}"


def value_faults(value: Any, rules: Any, path: str, field: Any = None) -> Iterator[str]:
    """The faults of one value that is there: a scalar, or a message with all that is in it."""
    kind = rules.WhichOneof("type")
    if isinstance(value, Message):
        if kind == "message" or kind is None:
            if not rules.message.skip:
                yield from inside_faults(value, path)
            return
        if isinstance(value, ProtoAny):
            yield from any_faults(value, rules.any, path)
            return
        if value.DESCRIPTOR.full_name in WRAPPED:
            value = value.value  # type: ignore[attr-defined]
    if kind is not None:
        yield from scalar_faults(value, getattr(rules, kind), path, field)


def inside_faults(value: Message, path: str) -> Iterator[str]:
    """The faults inside a message; an Any of a type that nobody here knows has none."""
    if not isinstance(value, ProtoAny):
        yield from faults(value, f"{path}.")
    elif value.type_url:
        name = value.type_url.rpartition("/")[2]
        try:
            found = descriptor_pool.Default().FindMessageTypeByName(name)
        except KeyError:
            return
        yield from faults(message_factory.GetMessageClass(found).FromString(value.value), f"{path}<{name}>.")


def any_faults(value: ProtoAny, rules: Any, path: str) -> Iterator[str]:
    """The faults of an Any whose types are told."""
    if getattr(rules, "in") and value.type_url not in getattr(rules, "in"):
        yield f"{path}: in {list(getattr(rules, 'in'))}"
    if value.type_url in rules.not_in:
        yield f"{path}: not_in {list(rules.not_in)}"
    yield from inside_faults(value, path)


def scalar_faults(value: Any, rules: Any, path: str, field: Any) -> Iterator[str]:
    """The faults of a number, text, enum, Duration or Timestamp."""
    if getattr(rules, "ignore_empty", False) and not value:
        return
    for rule, wanted in rules.ListFields():
        if rule.name in FLAGS:
            continue
        if rule.name == "defined_only":
            holds = not wanted or value in field.enum_type.values_by_number
        elif rule.name == "well_known_regex":
            holds = matches(value, known_regex(wanted, rules.strict))
        elif rule.name in ("lt", "lte", "gt", "gte"):
            holds = within(value, rules)
        else:
            holds = RULES[rule.name](value, wanted)
        if not holds:
            yield f"{path}: {rule.name} {wanted!s}, but it is {value!r}"


def ordered(value: Any) -> Any:
    """A value that can be compared; a Duration or Timestamp in nanoseconds."""
    return value.ToNanoseconds() if isinstance(value, Duration | Timestamp) else value


def within(value: Any, rules: Any) -> bool:
    """Whether a value is between the limits; with the lower above the upper it must be outside of them."""

    def limit(name: str) -> Any:
        return ordered(getattr(rules, name)) if rules.HasField(name) else None

    number = ordered(value)
    lt, lte, gt, gte = (limit(name) for name in ("lt", "lte", "gt", "gte"))
    above = (gt is None or number > gt) and (gte is None or number >= gte)
    below = (lt is None or number < lt) and (lte is None or number <= lte)
    low, high = gte if gt is None else gt, lte if lt is None else lt
    if low is not None and high is not None and low > high:
        return above or below
    return above and below


def known_regex(which: int, strict: bool) -> str:
    """The expression for a header's name or value; one that is not strict only keeps out line breaks."""
    if not strict:
        return ANY_HEADER
    return HEADER_NAME if which == validate_pb2.HTTP_HEADER_NAME else HEADER_VALUE


def matches(value: Any, expression: str) -> bool:
    """Whether RE2, which Envoy uses, finds the expression."""
    return re2.search(expression, value) is not None


def is_ip(value: Any, version: int = 0) -> bool:
    """Whether it is an IP address, of this version if there is one."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return version in (0, address.version)


def is_hostname(value: str) -> bool:
    """Whether it is a name that DNS could have."""
    labels = value.removesuffix(".").split(".")
    return len(value) <= 253 and all(HOST_LABEL.fullmatch(label) for label in labels)


FLAGS = frozenset({"ignore_empty", "strict", "required"})
RULES: dict[str, Rule] = {
    "const": lambda value, wanted: ordered(value) == ordered(wanted),
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
    "len": lambda value, wanted: len(value) == wanted,
    "min_len": lambda value, wanted: len(value) >= wanted,
    "max_len": lambda value, wanted: len(value) <= wanted,
    "len_bytes": lambda value, wanted: len(value.encode()) == wanted,
    "min_bytes": lambda value, wanted: len(value.encode()) >= wanted,
    "max_bytes": lambda value, wanted: len(value.encode()) <= wanted,
    "pattern": matches,
    "prefix": lambda value, wanted: value.startswith(wanted),
    "suffix": lambda value, wanted: value.endswith(wanted),
    "contains": lambda value, wanted: wanted in value,
    "not_contains": lambda value, wanted: wanted not in value,
    "hostname": lambda value, _: is_hostname(value),
    "ip": lambda value, _: is_ip(value),
    "ipv4": lambda value, _: is_ip(value, 4),
    "ipv6": lambda value, _: is_ip(value, 6),
    "address": lambda value, _: is_ip(value) or is_hostname(value),
    "uri": lambda value, _: ":" in value and " " not in value,
    "uri_ref": lambda value, _: " " not in value,
}
"""What is said of a value by name; the limits and `well_known_regex` need more than one rule at a time."""
