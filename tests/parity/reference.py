"""The reference cases as this project carries them: what istiod sends for each case, condensed.

`cases/AREA/NAME.yaml` are the inputs; those of `combined` are ours, put before the same istiod later.
`expected/AREA.json` holds the resources of all proxies of an area; a part that occurs more than once stands
once under "parts" and is named by {"$part": KEY} elsewhere.
"""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CASES = HERE / "cases"
EXPECTED = HERE / "expected"
COMBINED = "combined/"
SHARED_FROM = 160
"""Characters from which a repeated part is worth standing once."""

Tree = Any
Dump = dict[str, dict[str, Tree]]
"""{"clusters": {name: resource}, "endpoints": ..., "listeners": ..., "routes": ..., "extensions": ...}"""


def names(only: str = "") -> list[str]:
    """The cases as AREA/NAME, those whose name contains `only`."""
    found = (str(p.relative_to(CASES).with_suffix("")) for p in CASES.rglob("*.yaml"))
    return sorted(name for name in found if only in name)


def case_file(name: str) -> Path:
    """The input of a case."""
    return CASES / f"{name}.yaml"


def expected(name: str) -> dict[str, Dump]:
    """What the reference sends in a case: {proxy: dump}."""
    area, _, case = name.partition("/")
    whole = _area(area)
    return {proxy: _expanded(dump, whole["parts"]) for proxy, dump in whole["cases"][case].items()}


@cache
def _area(area: str) -> Any:
    return json.loads((EXPECTED / f"{area}.json").read_text())


def _expanded(tree: Tree, parts: dict[str, Tree]) -> Tree:
    if isinstance(tree, dict):
        if "$part" in tree:
            return _expanded(parts[tree["$part"]], parts)
        return {k: _expanded(v, parts) for k, v in tree.items()}
    return [_expanded(v, parts) for v in tree] if isinstance(tree, list) else tree


def condensed(dumps: dict[str, dict[str, Dump]]) -> dict[str, Any]:
    """An area's {case: {proxy: dump}} with every repeated part standing once."""
    counts: collections.Counter[str] = collections.Counter()
    for tree in _trees(dumps):
        counts[_key(tree)] += 1
    parts: dict[str, Tree] = {}

    def replaced(tree: Tree) -> Tree:
        if not isinstance(tree, dict | list):
            return tree
        key = _key(tree)
        if counts[key] > 1 and len(_text(tree)) >= SHARED_FROM:
            if key not in parts:
                parts[key] = {}
                parts[key] = inside(tree)
            return {"$part": key}
        return inside(tree)

    def inside(tree: Tree) -> Tree:
        return (
            {k: replaced(v) for k, v in tree.items()}
            if isinstance(tree, dict)
            else [replaced(v) for v in tree]
        )

    return {"cases": inside({case: inside(proxies) for case, proxies in dumps.items()}), "parts": parts}


def _trees(tree: Tree) -> Iterator[Tree]:
    if isinstance(tree, dict | list):
        yield tree
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from _trees(child)


def _text(tree: Tree) -> str:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"))


def _key(tree: Tree) -> str:
    return hashlib.blake2b(_text(tree).encode(), digest_size=5).hexdigest()


def written(area: str, dumps: dict[str, dict[str, Dump]]) -> Path:
    """Write an area's file, one part and one case a line so that a change of one is a small diff."""
    whole = condensed(dumps)
    lines = [
        '{"parts": {',
        ",\n".join(f"{json.dumps(k)}:{_text(v)}" for k, v in sorted(whole["parts"].items())),
        '},\n"cases": {',
    ]
    lines += [",\n".join(f"{json.dumps(k)}:{_text(v)}" for k, v in sorted(whole["cases"].items())), "}}\n"]
    path = EXPECTED / f"{area}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines))
    return path
