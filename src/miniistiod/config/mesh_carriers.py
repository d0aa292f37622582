"""What carries mesh configuration inside: ConfigMap `istio` (data.mesh, data.meshNetworks), IstioOperator.

Each gives a MeshLayer, which knows the fields its YAML names: an explicit `false` overrides a default too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from google.protobuf.message import Message
from yaml.nodes import MappingNode, Node, ScalarNode

from miniistiod.api import kinds
from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.kinds import Kind
from miniistiod.config import nodes
from miniistiod.config.decode import fields, fill
from miniistiod.config.diagnostics import Diagnostic, Key, Level
from miniistiod.config.metadata import metadata
from miniistiod.config.objects import AnyObject, Object, Origin
from miniistiod.config.reading import Pairs, Path, Reading

MESH_CONFIG, MESH_NETWORKS = (
    next(k for k in kinds.KINDS if k.name == name) for name in ("MeshConfig", "MeshNetworks")
)
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


def carried(
    reading: Reading, pairs: Pairs, above: int, first: int, carrier: AnyObject | None = None
) -> Iterator[tuple[Key, AnyObject | None]]:
    """The layers inside an IstioOperator, or inside the ConfigMap given as `carrier`."""
    if carrier is None:
        yield from _of_operator(reading, pairs, above, first)
    elif carrier.name == "istio":
        data = pairs["data"][1] if "data" in pairs else None
        for key, value in data.value if isinstance(data, MappingNode) else ():
            kind = {"mesh": MESH_CONFIG, "meshNetworks": MESH_NETWORKS}.get(key.value)
            if kind is not None and not nodes.is_null(value):
                one = _of_text(reading, value, kind, (((None, "data")), key.value), above, carrier)
                yield one.key, one


def _of_operator(
    reading: Reading, pairs: Pairs, above: int, first: int
) -> Iterator[tuple[Key, AnyObject | None]]:
    meta = metadata(reading, pairs["metadata"][1] if "metadata" in pairs else None, MESH_CONFIG)
    spec = pairs["spec"][1] if "spec" in pairs else None
    for key, value in spec.value if isinstance(spec, MappingNode) else ():
        if key.value != "meshConfig":
            reading.fault(
                key,
                ((None, "spec"), key.value),
                "unused-field",
                f"{key.value} of an IstioOperator is about installing; only meshConfig is used here",
                "",
                Level.INFO,
            )
            continue
        body = MeshConfig()
        if not nodes.is_null(value):
            fill(reading, body, value, ((None, "spec"), "meshConfig"))
        origin = Origin(reading.file, above + key.start_mark.line + 1)
        name = meta.name or "istio"
        one = mesh_layer(Object(MESH_CONFIG, name, meta.namespace, body, origin), value, "IstioOperator")
        bad = any(d.level is Level.ERROR for d in reading.findings[first:])
        yield one.key, None if bad else one


def _of_text(
    reading: Reading, value: Node, kind: Kind, path: Path, above: int, carrier: AnyObject
) -> MeshLayer:
    """The layer in a block of text, which is YAML in YAML: findings get their line in the outer document."""
    inner = Reading(reading.file)
    body = kind.message()
    node: Node | None = None
    try:
        node = nodes.composed(value.value)
        if node is not None and not nodes.is_null(node):
            fill(inner, body, node, path)
    except yaml.YAMLError as error:
        line, column, message = nodes.syntax_place(error)
        inner.findings.append(
            Diagnostic(
                Level.ERROR,
                "syntax",
                f"this is not YAML: {message}",
                "check indentation, colons and quotes at this place",
                reading.file,
                line,
                column,
            )
        )
    reading.findings += [_outer(finding, value, reading.text) for finding in inner.findings]
    origin = Origin(reading.file, above + value.start_mark.line + 1)
    return mesh_layer(Object(kind, carrier.name, carrier.namespace, body, origin), node, "ConfigMap")


def _outer(finding: Diagnostic, block: Node, text: str) -> Diagnostic:
    """A place within a block scalar → the place in the document around it."""
    start = block.start_mark
    if not isinstance(block, ScalarNode) or block.style not in ("|", ">"):
        return dataclasses.replace(finding, line=start.line + 1, column=start.column + 1)
    lines = text.split("\n")[start.line + 1 :]
    first = next((line for line in lines if line.strip()), "")
    indent = len(first) - len(first.lstrip())
    return dataclasses.replace(finding, line=start.line + 1 + finding.line, column=finding.column + indent)
