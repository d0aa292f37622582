"""The names in the brackets of a condition's key: `request.headers[x-a]`, `request.auth.claims[a][b]`."""

from __future__ import annotations

import re

from miniistiod.translate.authorization_policy.enforcement import Unenforceable

_NAMES = re.compile(r"(?:\[[^\[\]]*\])*")
_NAME = re.compile(r"\[([^\[\]]*)\]")


def name(brackets: str) -> str:
    """What stands between the first and the last bracket."""
    if not (brackets.startswith("[") and brackets.endswith("]")):
        raise Unenforceable(f"expected [NAME], found {brackets!r}")
    return brackets.removesuffix("]").removeprefix("[")


def path(brackets: str) -> tuple[str, ...]:
    """The names of `[a][b]`, outermost first; what does not read like that is one name."""
    if _NAMES.fullmatch(brackets):
        return tuple(_NAME.findall(brackets))
    return (name(brackets),)


def filter_and_key(key: str) -> tuple[str, str]:
    """`experimental.NAME[KEY]` → (NAME, KEY)."""
    filter_name, bracket, inner = key.removeprefix("experimental.").removesuffix("]").partition("[")
    if not bracket:
        raise Unenforceable(f"expected NAME[KEY], found {key!r}")
    return filter_name, inner
