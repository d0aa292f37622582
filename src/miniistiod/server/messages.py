"""Messages of any type: bytes → JSON and JSON → message. A type is imported when it is first met."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

Json = dict[str, Any]


class UnknownMessage(ValueError):
    """There is no message of this type here, or it does not read as one."""


def opened(url: str, body: bytes) -> Json:
    """A serialised message as JSON with every Any opened. Raises UnknownMessage."""
    packed = any_pb2.Any(type_url=url, value=body)
    tried = set[str]()
    while True:
        try:
            shown: Json = json_format.MessageToDict(packed)
        except (TypeError, json_format.Error) as error:
            package = package_of(str(error).rpartition("/")[2])
            if package in tried or not imported(package):
                raise UnknownMessage(str(error)) from error
            tried.add(package)
        else:
            return shown


def parsed(document: Json) -> Message:
    """A message from JSON with `@type`, as in Envoy's own files. Raises UnknownMessage."""
    for url in types_in(document):
        imported(package_of(url.rpartition("/")[2]))
    packed = any_pb2.Any()
    try:
        json_format.ParseDict(document, packed)
        kind = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
    except (TypeError, KeyError, json_format.Error) as error:
        raise UnknownMessage(str(error)) from error
    message: Message = message_factory.GetMessageClass(kind).FromString(packed.value)
    return message


def types_in(document: Any) -> Iterator[str]:
    """Every `@type` in a JSON tree."""
    if isinstance(document, dict):
        if isinstance(url := document.get("@type"), str):
            yield url
        for value in document.values():
            yield from types_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from types_in(value)


def package_of(text: str) -> str:
    """The package of the first message name in a text: `envoy.type.v3` of `envoy.type.v3.Percent`."""
    found = re.search(r"([a-z_][\w.]*)\.[A-Z]\w*", text)
    return found[1] if found else ""


def imported(package: str) -> bool:
    """Import the messages of a package; false when there is none."""
    try:
        found = importlib.import_module(package) if package else None
    except ImportError:
        return False
    for module in pkgutil.iter_modules(found.__path__) if found else ():
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{package}.{module.name}")
    return found is not None
