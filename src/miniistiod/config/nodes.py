"""YAML text → nodes that know their line and column, by libyaml; and what type a plain scalar has.

Types follow YAML 1.1 as Kubernetes reads it (Go's yaml.v2): `on` is true, `1.10` is a number, `012` is 10.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

PLAIN = "plain"
"""The tag of a scalar without quotes: its text decides its type."""
TEXT = "tag:yaml.org,2002:str"
"""The tag of a scalar in quotes or in a block: a string."""

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
SPECIAL_FLOATS = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
NUMERIC_START = frozenset("0123456789+-.")
SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")

Plain = bool | int | float | str | None


class _Composer(CParser):
    """libyaml's composer without PyYAML's resolving by regular expressions, which costs half of the time."""

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        """The tag of a node without one: only plain or not is of interest here."""
        return PLAIN if kind is ScalarNode and implicit[0] else TEXT

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        """PyYAML's composer calls this for tags by path, which nobody uses."""

    def ascend_resolver(self) -> None:
        """The other half of `descend_resolver`."""


def composed(text: str) -> Node | None:
    """The one document of this text, None when it is empty. Raises yaml.YAMLError where it is not YAML."""
    node: Node | None = _Composer(_json_escapes(text)).get_single_node()
    return node


def _json_escapes(text: str) -> str:
    """JSON writes characters beyond 0xFFFF as two escapes, which YAML does not know."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return SURROGATES.sub(_one_escape, text)


def _one_escape(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def is_null(node: Node) -> bool:
    """Whether a key stands there without a value."""
    return node.tag is PLAIN and node.value in NULLS


def plain(text: str) -> Plain:
    """The value of a scalar without quotes, as Kubernetes reads it."""
    if text in NULLS:
        return None
    if text[0] in NUMERIC_START:
        return _number(text)
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    return text


def _number(text: str) -> int | float | str:
    """A number if it is one: addresses, dates and versions begin with a digit as well."""
    if text in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[text]
    bare = text.replace("_", "")
    if INTEGER.fullmatch(bare):
        return _integer(bare)
    if FLOAT.fullmatch(bare):
        value = float(bare)
        return text if value in (float("inf"), float("-inf")) else value
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-").lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 8 if len(digits) > 1 and digits[0] == "0" else 10)
    value = int(digits, base)
    return -value if text[0] == "-" else value


def scalar(node: Node) -> Plain:
    """The value of a scalar of whatever style; an explicit tag such as `!!int` counts as plain."""
    return str(node.value) if node.tag == TEXT else plain(node.value)


def syntax_place(error: yaml.YAMLError) -> tuple[int, int, str]:
    """(line, column, what is wrong) of a syntax error; line and column count from 1."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    message = f"{problem} ({context})" if context else str(problem)
    return (mark.line + 1, mark.column + 1, message) if mark else (1, 1, message)


def shape(node: Node) -> str:
    """What stands there, in a user's words."""
    if isinstance(node, MappingNode):
        return "a mapping (`key: value`)"
    if isinstance(node, SequenceNode):
        return "a list"
    value = scalar(node)
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {node.value}"
    return "nothing" if value is None else f'the text "{_short(value)}"'


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
