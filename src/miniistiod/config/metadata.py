"""The `metadata` of a document → name, namespace, labels, annotations, time of creation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from yaml.nodes import Node, ScalarNode

from miniistiod.api.kinds import Kind
from miniistiod.config.diagnostics import Level
from miniistiod.config.nodes import is_null, scalar
from miniistiod.config.reading import Path, Reading, Wrong, suggestion, text

IGNORED = frozenset(
    (
        "creationTimestamp",
        "generateName",
        "uid",
        "resourceVersion",
        "generation",
        "ownerReferences",
        "finalizers",
        "managedFields",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "clusterName",
    )
)
"""What an object copied from a cluster carries besides; it says nothing to a mesh."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
WRONG_NAME = "wrong-name"
NAME_REMEDY = "write small letters, digits, - and . only, with a letter or a digit at both ends"

USED = ("name", "namespace", "labels", "annotations", "creationTimestamp")


@dataclass(slots=True)
class Metadata:
    """Who an object is."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    created: str = ""


def metadata(reading: Reading, node: Node | None, kind: Kind) -> Metadata:
    """The metadata as given; the namespace is "default" when a namespaced object names none."""
    found = Metadata()
    path: Path = (None, "metadata")
    pairs = reading.pairs(node, path) if node is not None and not is_null(node) else {}
    for key, (key_node, value) in pairs.items():
        step = (path, key)
        if key == "name":
            found.name = _name(reading, value, step)
        elif key == "namespace":
            found.namespace = _name(reading, value, step)
        elif key == "labels":
            found.labels = _texts(reading, value, step)
        elif key == "annotations":
            found.annotations = _texts(reading, value, step)
        elif key == "creationTimestamp":
            found.created = _moment(reading, value, step)
        elif key not in IGNORED:
            _unknown(reading, key, key_node, step)
    found.namespace = (found.namespace or "default") if kind.namespaced else ""
    return found


def _name(reading: Reading, node: Node, path: Path) -> str:
    """A name; where YAML reads a boolean or number, the reference takes that value's text, and so do we.

    What Kubernetes refuses as a name istiod takes from a file, so it is only told.
    """
    try:
        name = text(node)
        if name and not NAME.fullmatch(name):
            message = f'Kubernetes refuses the name "{name}"'
            reading.fault(node, path, WRONG_NAME, message, NAME_REMEDY, Level.WARNING)
        return name
    except Wrong as wrong:
        value = scalar(node) if isinstance(node, ScalarNode) else None
        if value is None:
            reading.wrong(node, path, wrong)
            return ""
        name = str(value).lower() if isinstance(value, bool) else str(node.value)
        message = f'{wrong.message}; it counts as "{name}"'
        reading.fault(node, path, wrong.code, message, wrong.remedy, Level.WARNING)
        return name


def _texts(reading: Reading, node: Node, path: Path) -> dict[str, str]:
    """A mapping of text to text."""
    found: dict[str, str] = {}
    if is_null(node):
        return found
    for key, (_, value) in reading.pairs(node, path).items():
        try:
            found[key] = text(value)
        except Wrong as wrong:
            reading.wrong(value, (path, key), wrong)
    return found


def _moment(reading: Reading, node: Node, path: Path) -> str:
    """A time in UTC to the second, so that the texts sort as the times do."""
    if is_null(node):
        return ""
    try:
        moment = datetime.fromisoformat(text(node))
    except (ValueError, Wrong):
        reading.fault(
            node, path, "wrong-type", f"{node.value} is not a time", "write it as 2024-01-31T12:00:00Z"
        )
        return ""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _unknown(reading: Reading, key: str, node: Node, path: Path) -> None:
    meant = suggestion(key, USED)
    remedy = f"did you mean {meant}?" if meant else "the fields used here are " + ", ".join(USED)
    level = Level.ERROR if meant else Level.WARNING
    reading.fault(node, path, "unknown-field", f"there is no field {key} in metadata", remedy, level)
