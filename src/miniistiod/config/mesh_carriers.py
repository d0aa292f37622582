"""What carries mesh configuration inside: ConfigMap `istio` (data.mesh, data.meshNetworks), IstioOperator.

Each gives a MeshLayer of its own beside the object itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from miniistiod.api import kinds
from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.kinds import Kind
from miniistiod.config import nodes
from miniistiod.config.decode import fill
from miniistiod.config.diagnostics import REFUSED, Diagnostic, Key, Level
from miniistiod.config.judgement import judge
from miniistiod.config.mesh_layer import MeshLayer, mesh_layer
from miniistiod.config.metadata import metadata
from miniistiod.config.objects import AnyObject, Object, Origin
from miniistiod.config.reading import Pairs, Path, Reading

MESH_CONFIG, MESH_NETWORKS = (
    next(k for k in kinds.KINDS if k.name == name) for name in ("MeshConfig", "MeshNetworks")
)


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
            message = f"{key.value} of an IstioOperator is about installing; only meshConfig is used here"
            reading.fault(
                key,
                ((None, "spec"), key.value),
                "unused-field",
                message,
                "give it to the installer",
                Level.INFO,
            )
            continue
        body = MeshConfig()
        if not nodes.is_null(value):
            fill(reading, body, value, ((None, "spec"), "meshConfig"))
        origin = Origin(reading.file, above + key.start_mark.line + 1)
        name = meta.name or "istio"
        one = mesh_layer(Object(MESH_CONFIG, name, meta.namespace, body, origin), value, "IstioOperator")
        judge(reading, one, value, ((None, "spec"), "meshConfig"), bare=True)
        bad = any(d.level is Level.ERROR for d in reading.findings[first:])
        yield one.key, None if bad else one


def _of_text(
    reading: Reading, value: Node, kind: Kind, path: Path, above: int, carrier: AnyObject
) -> MeshLayer:
    """The layer in a block of text, which is YAML in YAML: findings get their line in the outer document."""
    inner = Reading(reading.file)
    origin = Origin(reading.file, above + value.start_mark.line + 1)
    one: AnyObject = Object(kind, carrier.name, carrier.namespace, kind.message(), origin)
    node: Node | None = None
    try:
        node = nodes.composed(value.value)
        if node is not None and not nodes.is_null(node):
            fill(inner, one.message, node, path)
    except yaml.YAMLError as error:
        line, column, message = nodes.syntax_place(error)
        remedy = "check indentation, colons and quotes here"
        message = f"this is not YAML: {message}"
        inner.findings.append(
            Diagnostic(Level.ERROR, "syntax", message, REFUSED, remedy, reading.file, line, column)
        )
    layer = mesh_layer(one, node, "ConfigMap")
    if node is not None and not inner.findings:
        judge(inner, layer, node, path, bare=True)
    reading.findings += [_outer(finding, value, reading.text) for finding in inner.findings]
    return layer


def _outer(finding: Diagnostic, block: Node, text: str) -> Diagnostic:
    """A place within a block scalar → the place in the document around it."""
    start = block.start_mark
    if not isinstance(block, ScalarNode) or block.style not in ("|", ">"):
        return dataclasses.replace(finding, line=start.line + 1, column=start.column + 1)
    lines = text.split("\n")[start.line + 1 :]
    first = next((line for line in lines if line.strip()), "")
    indent = len(first) - len(first.lstrip())
    return dataclasses.replace(finding, line=start.line + 1 + finding.line, column=finding.column + indent)
