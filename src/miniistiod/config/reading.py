"""What decoding one document needs at hand: how strict to be, and where its findings are collected.

A field path is kept as a chain of (outer path, step), since nobody looks at it unless something is wrong.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from miniistiod.config.diagnostics import Diagnostic, Level, admission_symptom
from miniistiod.config.nodes import PLAIN, TEXT, plain, shape

Path = tuple[Any, str | int] | None
"""The chain of steps to a field, innermost last; None is the document itself."""

Pairs = dict[str, tuple[Node, Node]]
"""A mapping: key → (node of the key, node of the value)."""

MOST_NODES = 1_000_000
"""A document that unfolds to more mappings and lists than this is an alias bomb."""

SIMPLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def steps(path: Path) -> list[str | int]:
    """The steps of a path, outermost first."""
    found: list[str | int] = []
    while path is not None:
        found.append(path[1])
        path = path[0]
    return found[::-1]


def path_text(path: Path) -> str:
    """A path as a user writes it: `http[0].route[1].weight`, `labels["a/b"]`."""
    text = ""
    for step in steps(path):
        if isinstance(step, int):
            text += f"[{step}]"
        elif SIMPLE_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or "". Case and separators do not count."""
    by_folded = {_folded(name): name for name in known}
    close = difflib.get_close_matches(_folded(word), by_folded, n=1, cutoff=0.65)
    return by_folded[close[0]] if close else ""


def _folded(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


class Wrong(Exception):
    """A scalar that cannot be what its field is: what is wrong, and what to write."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


class Reading:
    """One document being decoded."""

    __slots__ = ("budget", "file", "findings", "strict", "text")

    def __init__(self, file: str, text: str = "", *, strict: bool = True) -> None:
        self.file = file
        self.text = text
        self.strict = strict
        self.findings: list[Diagnostic] = []
        self.budget = MOST_NODES

    def fault(
        self, node: Node, path: Path, code: str, message: str, remedy: str, level: Level = Level.ERROR
    ) -> None:
        """Record that the node is wrong."""
        mark = node.start_mark
        self.findings.append(
            Diagnostic(
                level,
                code,
                message,
                admission_symptom(level, code),
                remedy,
                self.file,
                mark.line + 1,
                mark.column + 1,
                path_text(path),
            )
        )

    def wrong(self, node: Node, path: Path, wrong: Wrong) -> None:
        """Record a scalar that could not be read."""
        self.fault(node, path, wrong.code, wrong.message, wrong.remedy)

    def spend(self, node: Node, path: Path) -> None:
        """Count one more mapping or list; aliases of aliases grow without end."""
        self.budget -= 1
        if self.budget == 0:
            self.fault(
                node,
                path,
                "too-large",
                "the aliases of this document unfold to millions of nodes",
                "write the parts out instead of nesting aliases",
            )

    def pairs(self, node: Node, path: Path) -> Pairs:
        """The keys of a mapping with their values; a key given twice is an error, `<<` is merged."""
        if type(node) is not MappingNode:
            self.fault(
                node,
                path,
                "wrong-type",
                f"{shape(node)} where a mapping is expected",
                "write `key: value` lines, indented under the field",
            )
            return {}
        self.spend(node, path)
        found: Pairs = {}
        if self.budget <= 0:
            return found
        for pair in node.value:
            key = pair[0].value
            if type(key) is not str or (pair[0].tag == PLAIN and key in _ODD_KEYS):
                key = self._odd_key(pair[0], path)
            if key in found:
                self._duplicate(key, pair[0], found[key][0], path)
            found[key] = pair
        return self._merged(found, path) if "<<" in found else found

    def _odd_key(self, node: Node, path: Path) -> str:
        if not isinstance(node, ScalarNode):
            self.fault(node, path, "wrong-type", f"{shape(node)} as a key", "a key is plain text")
            return ""
        read = "true" if plain(node.value) is True else "false" if plain(node.value) is False else "null"
        self.fault(
            node,
            (path, node.value),
            "yaml-surprise",
            f"the key {node.value} is read as {read} in YAML 1.1",
            f'put it in quotes: "{node.value}"',
        )
        return str(node.value)

    def _duplicate(self, key: str, node: Node, first: Node, path: Path) -> None:
        self.fault(
            node,
            (path, key),
            "duplicate-key",
            f"{key} stands here a second time; the first is {_distance(node, first)}",
            "keep one of them",
        )

    def _merged(self, found: Pairs, path: Path) -> Pairs:
        """What `<<: *anchor` brings in; keys of the mapping itself win over merged ones."""
        _, value = found.pop("<<")
        sources = value.value if type(value) is SequenceNode else [value]
        for source in sources:
            for key, pair in self.pairs(source, path).items():
                found.setdefault(key, pair)
        return found

    def items(self, node: Node, path: Path) -> list[Node]:
        """The elements of a list."""
        if type(node) is not SequenceNode:
            self.fault(
                node,
                path,
                "wrong-type",
                f"{shape(node)} where a list is expected",
                "begin each element with `- `",
            )
            return []
        self.spend(node, path)
        return node.value if self.budget > 0 else []


_ODD_KEYS = frozenset(
    (
        "",
        "~",
        "null",
        "Null",
        "NULL",
        "y",
        "Y",
        "yes",
        "Yes",
        "YES",
        "n",
        "N",
        "no",
        "No",
        "NO",
        "on",
        "On",
        "ON",
        "off",
        "Off",
        "OFF",
    )
)
"""Plain keys whose text would change when read (true and false keep theirs)."""


def _distance(node: Node, first: Node) -> str:
    lines = node.start_mark.line - first.start_mark.line
    return f"{lines} line{'s' if lines > 1 else ''} above" if lines else "on the same line"


def text(node: Node) -> str:
    """A scalar where a string belongs. Raises Wrong for what Kubernetes would read as another type."""
    if node.tag == TEXT and type(node) is ScalarNode:
        return str(node.value)
    if type(node) is not ScalarNode:
        raise Wrong("wrong-type", f"{shape(node)} where text is expected", "write text")
    value = plain(node.value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    read = f"the boolean {str(value).lower()}" if isinstance(value, bool) else f"the number {value}"
    raise Wrong(
        "yaml-surprise",
        f"{node.value} without quotes is read as {read}, but this field is text",
        f'put it in quotes: "{node.value}"',
    )
