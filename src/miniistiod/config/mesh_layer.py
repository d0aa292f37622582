"""A MeshConfig or MeshNetworks as one source gives it: the message, and which fields its YAML names.

An explicit `false` or 0 overrides a default too, so what is named matters and not only what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from yaml.nodes import MappingNode, Node

from miniistiod.config import nodes
from miniistiod.config.decode import fields
from miniistiod.config.objects import AnyObject, Object

NESTED = ("default_config", "default_providers")
"""Fields of MeshConfig that are merged field by field rather than replaced."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshLayer(Object[Any]):
    """A MeshConfig or MeshNetworks and the fields it names: `enable_tracing`, `default_config.image`."""

    given: frozenset[str] = frozenset()
    carrier: str = "MeshConfig"


def mesh_layer(one: AnyObject, node: Node | None, carrier: str = "MeshConfig") -> MeshLayer:
    """The same object, with the fields that its YAML names and the kind of the document that carries it."""
    return MeshLayer(
        one.kind,
        one.name,
        one.namespace,
        one.message,
        one.origin,
        one.labels,
        one.annotations,
        one.created,
        frozenset(_given(node, one.message)),
        carrier,
    )


def _given(node: Node | None, message: Message, outer: str = "") -> Iterator[str]:
    table = fields(message.DESCRIPTOR)
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if key.value in table and not nodes.is_null(value):
            name = table[key.value].name
            yield outer + name
            if not outer and name in NESTED:
                yield from _given(value, getattr(message, name), name + ".")
