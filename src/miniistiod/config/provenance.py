"""A field path in a document → the place in its text where that field stands.

Nodes are not kept; the text of the document is parsed again when somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from miniistiod.config import nodes
from miniistiod.config.objects import AnyObject

STEP = re.compile(r'\[(\d+)\]|\["([^"]*)"\]|\.?([^.\[]+)')


def steps_of(path: str) -> tuple[str | int, ...]:
    """`spec.http[0].timeout` → ("spec", "http", 0, "timeout")."""
    return tuple(int(index) if index else quoted or word for index, quoted, word in STEP.findall(path))


def mark_of(root: Node, steps: Sequence[str | int]) -> yaml.Mark:
    """Where the field stands; where it is absent, where its nearest parent stands."""
    node, mark = root, root.start_mark
    for step in steps:
        found = _inside(node, step)
        if found is None:
            break
        key, node = found
        # A mapping's or list's own mark is that of its first entry: a reader looks for its key.
        mark = node.start_mark if key is None or isinstance(node, ScalarNode) else key.start_mark
    return mark


def _inside(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return (None, node.value[step]) if step < len(node.value) else None
    if isinstance(node, MappingNode):
        names = {str(step), _snake(str(step))}
        return next(((key, value) for key, value in node.value if key.value in names), None)
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda upper: "_" + upper[1].lower(), name)


def place_in(text: str, one: AnyObject, path: str) -> tuple[int, int] | None:
    """(line, column) of the object or a field of it in the text of its document, from 1."""
    root = nodes.composed(text)
    found = _manifest(root, one) if root is not None else None
    if found is None:
        return None
    mark = mark_of(found, steps_of(path))
    return (mark.line + 1, mark.column + 1)


def _manifest(root: Node, one: AnyObject) -> Node | None:
    """The node of the object: the root, or an element of a list."""
    items = _inside(root, "items")
    if items is not None and isinstance(items[1], SequenceNode):
        found = (_manifest(item, one) for item in items[1].value)
        return next((node for node in found if node is not None), None)
    kind, metadata = _inside(root, "kind"), _inside(root, "metadata")
    name = _inside(metadata[1], "name") if metadata is not None else None
    if kind is None or kind[1].value != one.kind.name:
        return None
    return root if name is None or name[1].value == one.name else None
