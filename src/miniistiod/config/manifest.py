"""The node of one document → its objects: which kind it is, its metadata, its body, the webhook's verdict.

A document is one object, a `kind: List` of them, or a carrier of mesh configuration
(ConfigMap `istio`, IstioOperator), which gives a MeshConfig besides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from yaml.nodes import Node, ScalarNode

from miniistiod.api import kinds
from miniistiod.api.kinds import Kind
from miniistiod.config.decode import fill
from miniistiod.config.diagnostics import Diagnostic, Key, Level
from miniistiod.config.judgement import judge
from miniistiod.config.mesh_carriers import carried
from miniistiod.config.mesh_layer import mesh_layer
from miniistiod.config.metadata import Metadata, metadata
from miniistiod.config.nodes import is_null
from miniistiod.config.objects import AnyObject, Object, Origin
from miniistiod.config.reading import Pairs, Path, Reading, suggestion

Manifest = tuple[Key, AnyObject | None]
"""An object with its key, or only the key when the object has errors."""

HEADER = frozenset(("apiVersion", "kind", "metadata"))
CONTAINERS = 100
"""Lists in lists deeper than this are a loop of aliases."""


def manifests(
    reading: Reading, root: Node, above: int, path: Path = None, depth: int = 0
) -> Iterator[Manifest]:
    """Every object of the document; `above` is the number of lines of the file before it."""
    first = len(reading.findings)
    pairs = reading.pairs(root, path)
    api_version, name = _word(pairs, "apiVersion"), _word(pairs, "kind")
    if name.endswith("List") and "items" in pairs and depth < CONTAINERS:
        items = pairs["items"][1]
        step: Path = (path, "items")
        for index, item in enumerate(() if is_null(items) else reading.items(items, step)):
            yield from manifests(reading, item, above, (step, index), depth + 1)
        return
    if api_version.partition("/")[0] == "install.istio.io" and name == "IstioOperator":
        yield from carried(reading, pairs, above, first)
        return
    kind = _kind(reading, root, pairs, api_version, name)
    if kind is not None:
        yield from _object(reading, root, pairs, kind, above, path, first)


def _word(pairs: Pairs, key: str) -> str:
    node = pairs[key][1] if key in pairs else None
    return str(node.value) if isinstance(node, ScalarNode) else ""


def _kind(reading: Reading, root: Node, pairs: Pairs, api_version: str, name: str) -> Kind | None:
    """The row of this kind; without one, why."""
    if not pairs:
        return None
    if not api_version or not name:
        missing = "apiVersion" if not api_version else "kind"
        reading.fault(
            root,
            (None, missing),
            "no-kind",
            f"a document needs {missing}",
            "begin it with apiVersion and kind",
        )
        return None
    kind = kinds.of_document(api_version, name)
    if kind is None:
        _unknown_kind(reading, pairs, api_version, name)
    elif api_version not in kind.api_versions:
        reading.fault(
            pairs["apiVersion"][1],
            (None, "apiVersion"),
            "wrong-version",
            f"{name} has no version {api_version}",
            "write " + " or ".join(kind.api_versions),
        )
        return None
    return kind


def _unknown_kind(reading: Reading, pairs: Pairs, api_version: str, name: str) -> None:
    """A misspelt kind is an error; a kind that says nothing to a mesh is only mentioned."""
    group = api_version.rpartition("/")[0]
    same_name = [k for k in kinds.KINDS if k.name == name]
    if same_name and ("istio" in group or not group or suggestion(group, [k.group for k in same_name])):
        reading.fault(
            pairs["apiVersion"][1],
            (None, "apiVersion"),
            "wrong-version",
            f"there is no {name} in {api_version}",
            f"write {same_name[0].api_versions[0]}",
        )
        return
    if name in UNSERVED and group.endswith("k8s.io"):
        said = f"{name} has no effect here"
        reading.fault(pairs["kind"][1], (None, "kind"), "not-supported", said, UNSERVED[name], Level.WARNING)
        return
    known = [k.name for k in kinds.KINDS if k.group == group]
    meant = suggestion(name, known)
    ours = group in ISTIO_GROUPS
    if meant or ours:
        remedy = f"did you mean {meant}?" if meant else "the kinds here are " + ", ".join(known)
        level = Level.ERROR if ours else Level.WARNING
        reading.fault(
            pairs["kind"][1],
            (None, "kind"),
            "unknown-kind",
            f"there is no kind {name} in {api_version}",
            remedy,
            level,
        )
        return
    reading.fault(
        pairs["kind"][1],
        (None, "kind"),
        "unused-kind",
        f"{api_version} {name} has no part in a mesh",
        "leave it; it is for Kubernetes alone",
        Level.INFO,
    )


UNSERVED = {
    "BackendTLSPolicy": "write a DestinationRule with trafficPolicy.tls",
    "InferencePool": "write a Service",
    "ListenerSet": "write its listeners into the Gateway",
    "XBackend": "write a ServiceEntry, and a backendRef of group networking.istio.io and kind Hostname",
    "XBackendTrafficPolicy": "write a DestinationRule with trafficPolicy",
    "XListenerSet": "write its listeners into the Gateway",
}
"""Kinds beside the Gateway API's that istiod serves and we do not → the way out."""

ISTIO_GROUPS = frozenset(k.group for k in kinds.KINDS if k.group.endswith("istio.io"))


def _object(
    reading: Reading, root: Node, pairs: Pairs, kind: Kind, above: int, path: Path, first: int
) -> Iterator[Manifest]:
    """The object, what it carries besides, and the diagnostics about it under its key."""
    meta = metadata(reading, pairs["metadata"][1] if "metadata" in pairs else None, kind)
    if not meta.name:
        _nameless(reading, root, kind, meta)
    body = kind.message()
    node = _body(reading, pairs, kind, body, root, path)
    origin = Origin(reading.file, above + root.start_mark.line + 1)
    one: AnyObject = Object(
        kind, meta.name, meta.namespace, body, origin, meta.labels, meta.annotations, meta.created
    )
    if kind.name in ("MeshConfig", "MeshNetworks"):
        one = mesh_layer(one, node)
    extra = list(carried(reading, pairs, above, first, one)) if kind.name == "ConfigMap" else []
    if not _errors(reading, first):
        judge(reading, one, root, path)
    good = not _errors(reading, first)
    reading.findings[first:] = [_owned(d, one.key) for d in reading.findings[first:]]
    yield one.key, one if good else None
    for key, layer in extra:
        yield key, layer if good else None


def _nameless(reading: Reading, root: Node, kind: Kind, meta: Metadata) -> None:
    if kind.name in ("MeshConfig", "MeshNetworks"):
        meta.name, meta.namespace = "istio", "istio-system"
        return
    reading.fault(
        root,
        ((None, "metadata"), "name"),
        "no-name",
        f"a {kind.name} needs a name",
        "write metadata: {name: ...}",
    )


def _body(reading: Reading, pairs: Pairs, kind: Kind, message: Any, root: Node, path: Path) -> Node | None:
    """Fill the message; returns the node it was read from."""
    reading.strict = kind.strict
    if kind.body == "object":
        fill(reading, message, root, path, HEADER)
        return root
    for key, (key_node, _) in pairs.items():
        if key not in HEADER and key not in ("spec", "status"):
            meant = suggestion(key, ("spec", "metadata"))
            remedy = f"did you mean {meant}?" if meant else "put it under spec"
            reading.fault(
                key_node, (path, key), "unknown-field", f"there is no field {key} beside spec", remedy
            )
    if "spec" not in pairs or is_null(pairs["spec"][1]):
        return None
    fill(reading, message, pairs["spec"][1], (path, "spec"))
    return pairs["spec"][1]


def _errors(reading: Reading, first: int) -> bool:
    return any(d.level is Level.ERROR for d in reading.findings[first:])


def _owned(finding: Diagnostic, key: Key) -> Diagnostic:
    return finding if finding.key is not None else dataclasses.replace(finding, key=key)
