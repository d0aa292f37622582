"""A YAML node → a protobuf message, field by field along the message's descriptor.

Each descriptor is turned once into a table of small functions; then decoding is a walk over the nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from yaml.nodes import Node

from miniistiod.config.nodes import is_null, shape
from miniistiod.config.reading import Path, Reading, Wrong, suggestion
from miniistiod.config.scalars import map_key, scalar_of
from miniistiod.config.wellknown import SPECIALS

Put = Callable[[Reading, Any, Node, Path], None]
"""Reads a node into one field of the message given."""

NULL_MEANS_SOMETHING = "google.protobuf.Value"


class Field:
    """One field as the walk needs it."""

    __slots__ = ("choice", "json_name", "name", "put")

    def __init__(self, descriptor: FieldDescriptor) -> None:
        self.name = descriptor.name
        self.json_name = descriptor.json_name
        oneof = descriptor.containing_oneof
        # A field marked `optional` stands in a oneof of its own, whose name begins with an underscore.
        self.choice = oneof.name if oneof is not None and not oneof.name.startswith("_") else ""
        self.put = _put(descriptor)


@cache
def fields(descriptor: Descriptor) -> dict[str, Field]:
    """The fields of a message under both their names, `perTryTimeout` and `per_try_timeout`."""
    table = {}
    for one in descriptor.fields:
        field = Field(one)
        table[field.json_name] = table[field.name] = field
    return table


def fill(
    reading: Reading, message: Message, node: Node, path: Path, skip: frozenset[str] = frozenset()
) -> None:
    """Read a mapping into the message. What is wrong is recorded in `reading`, the rest is read anyway."""
    table = fields(message.DESCRIPTOR)
    chosen: dict[str, Field] = {}
    names = set()
    for key, (key_node, value) in reading.pairs(node, path).items():
        field = table.get(key)
        if field is None:
            if reading.strict and key not in skip:
                _unknown(reading, key, key_node, table, path)
            continue
        if field.name in names:
            _both_names(reading, field, key_node, path)
        names.add(field.name)
        if field.choice and _second(reading, chosen, field, key_node, value, path):
            continue
        field.put(reading, message, value, (path, key))


def _second(
    reading: Reading, chosen: dict[str, Field], field: Field, key_node: Node, value: Node, path: Path
) -> bool:
    """Whether another member of the same oneof stands there already; that is an error."""
    if is_null(value):
        return True
    first = chosen.setdefault(field.choice, field)
    if first is field:
        return False
    reading.fault(
        key_node,
        (path, field.json_name),
        "exclusive-fields",
        f"{field.json_name} beside {first.json_name}: only one of them can be set",
        f"keep {first.json_name} or {field.json_name}",
    )
    return True


def _unknown(reading: Reading, key: str, node: Node, table: dict[str, Field], path: Path) -> None:
    known = sorted({field.json_name for field in table.values()})
    meant = suggestion(key, known)
    remedy = f"did you mean {meant}?" if meant else f"the fields here are {', '.join(known)}" if known else ""
    reading.fault(node, (path, key), "unknown-field", f"there is no field {key}", remedy)


def _both_names(reading: Reading, field: Field, node: Node, path: Path) -> None:
    reading.fault(
        node,
        (path, field.json_name),
        "duplicate-key",
        f"the field stands here under both its names, {field.json_name} and {field.name}",
        f"keep {field.json_name}",
    )


def _put(field: FieldDescriptor) -> Put:
    message = field.message_type
    if message is None:
        return _put_scalars(field) if field.is_repeated else _put_scalar(field)
    if message.GetOptions().map_entry:
        return _put_map(field.name, message)
    return _put_messages(field.name, message) if field.is_repeated else _put_message(field.name, message)


def _put_scalar(field: FieldDescriptor) -> Put:
    name, read = field.name, scalar_of(field)

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        try:
            if not is_null(node):
                setattr(message, name, read(node))
        except Wrong as wrong:
            reading.wrong(node, path, wrong)

    return put


def _put_scalars(field: FieldDescriptor) -> Put:
    name, read = field.name, scalar_of(field)

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        if is_null(node):
            return
        add = getattr(message, name).append
        for index, item in enumerate(reading.items(node, path)):
            try:
                if not _missing(reading, item, (path, index)):
                    add(read(item))
            except Wrong as wrong:
                reading.wrong(item, (path, index), wrong)

    return put


def _put_message(name: str, held: Descriptor) -> Put:
    special = SPECIALS.get(held.full_name)
    takes_null = held.full_name == NULL_MEANS_SOMETHING

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        if is_null(node) and not takes_null:
            return
        inner = getattr(message, name)
        inner.SetInParent()
        if special is None:
            fill(reading, inner, node, path)
            return
        try:
            inner.CopyFrom(special(reading, node, path))
        except Wrong as wrong:
            reading.wrong(node, path, wrong)

    return put


def _put_messages(name: str, held: Descriptor) -> Put:
    special = SPECIALS.get(held.full_name)
    takes_null = held.full_name == NULL_MEANS_SOMETHING

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        if is_null(node):
            return
        inner = getattr(message, name)
        for index, item in enumerate(reading.items(node, path)):
            step = (path, index)
            if not takes_null and _missing(reading, item, step):
                continue
            if special is None:
                fill(reading, inner.add(), item, step)
                continue
            try:
                inner.append(special(reading, item, step))
            except Wrong as wrong:
                reading.wrong(item, step, wrong)

    return put


def _put_map(name: str, entry: Descriptor) -> Put:
    key_field, value_field = (entry.fields_by_name[part] for part in ("key", "value"))
    key_of = map_key(key_field)
    if value_field.message_type is not None:
        return _put_message_map(name, key_of, value_field.message_type)
    read = scalar_of(value_field)

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        if is_null(node):
            return
        entries = getattr(message, name)
        for key, (key_node, value) in reading.pairs(node, path).items():
            try:
                entries[key_of(key, key_node)] = read(value)
            except Wrong as wrong:
                reading.wrong(value, (path, key), wrong)

    return put


def _put_message_map(name: str, key_of: Callable[[str, Node], Any], held: Descriptor) -> Put:
    special = SPECIALS.get(held.full_name)

    def put(reading: Reading, message: Any, node: Node, path: Path) -> None:
        if is_null(node):
            return
        entries = getattr(message, name)
        for key, (key_node, value) in reading.pairs(node, path).items():
            try:
                inner = entries[key_of(key, key_node)]
                if special is not None:
                    inner.CopyFrom(special(reading, value, (path, key)))
                elif not _missing(reading, value, (path, key)):
                    fill(reading, inner, value, (path, key))
            except Wrong as wrong:
                reading.wrong(value, (path, key), wrong)

    return put


def _missing(reading: Reading, node: Node, path: Path) -> bool:
    """Whether an element of a list or map has no content, which is never meant."""
    if not is_null(node):
        return False
    message = f"{shape(node)} where an element is expected"
    reading.fault(node, path, "wrong-type", message, "fill it, remove it, or write {}")
    return True
