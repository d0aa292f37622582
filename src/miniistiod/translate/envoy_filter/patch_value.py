"""Patch.value, a Struct → the Envoy message it stands for.

Unknown fields are passed over, so that a patch for a newer Envoy does not fail. A type inside an Any is
looked for among Envoy's messages when it is first named.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

M = TypeVar("M", bound=Message)

TYPE = "@type"


def patch_value(value: Struct, kind: type[M]) -> M:
    """The message; ValueError says what in the value is no such message."""
    tree = json_format.MessageToDict(value)
    for name in type_names(tree):
        known(name)
    return parsed(tree, kind, lenient=True)


def strangers(value: Struct, kind: type[M]) -> str:
    """What in a value that can be read is a field that the message does not have; "" when nothing is."""
    try:
        parsed(json_format.MessageToDict(value), kind, lenient=False)
    except ValueError as fault:
        return str(fault)
    return ""


def parsed(tree: Any, kind: type[M], *, lenient: bool) -> M:
    """The message; `lenient`: unknown fields are passed over."""
    try:
        return json_format.ParseDict(tree, kind(), ignore_unknown_fields=lenient)
    except (json_format.ParseError, TypeError) as error:
        raise ValueError(f"not a valid {kind.DESCRIPTOR.full_name}: {error}") from error


def type_names(tree: Any) -> Iterator[str]:
    """The full names of all messages that stand in an Any."""
    if isinstance(tree, dict):
        if isinstance(tree.get(TYPE), str):
            yield tree[TYPE].rpartition("/")[2]
        for each in tree.values():
            yield from type_names(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from type_names(each)


@cache
def known(name: str) -> bool:
    """Whether there is a message of this name; its module is imported on the way."""
    package = name.rpartition(".")[0]
    while package:
        try:
            modules = list(iter_modules(import_module(package).__path__, f"{package}."))
        except (ImportError, AttributeError, TypeError):
            package = package.rpartition(".")[0]
            continue
        for module in modules:
            if module.name.endswith("_pb2"):
                import_module(module.name)
        break
    try:
        descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        return False
    return True
