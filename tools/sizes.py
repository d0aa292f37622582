"""Keep the grain of the code: functions of 60 lines, files of 400 at most, names that say what is in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src/miniistiod"
FUNCTION_LINES = 60
FILE_LINES = 400
NO_MODULE = {"utils", "common", "helpers", "manager", "context"}
NO_PREFIX = ("build_", "get_", "process_")


def sources() -> list[Path]:
    """The modules we write ourselves."""
    return sorted(p for p in SOURCE.rglob("*.py") if not p.name.endswith(("_pb2.py", "_pb2_grpc.py")))


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    doc = ast.get_docstring(node, clean=False)
    return (node.end_lineno or node.lineno) - node.lineno + 1 - (len(doc.splitlines()) if doc else 0)


def faults_of(path: Path) -> Iterator[str]:
    """What in this module is too large, badly named or without a word of what it is for."""
    text = path.read_text()
    tree = ast.parse(text)
    if path.stem in NO_MODULE:
        yield f"{path}: a module is named for what it holds, not {path.stem!r}"
    if (count := sum(1 for line in text.splitlines() if line.strip())) > FILE_LINES:
        yield f"{path}: {count} lines, {FILE_LINES} at most"
    if tree.body and not ast.get_docstring(tree):
        yield f"{path}: no docstring that says what comes in, what goes out and why"
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (count := body_lines(node)) > FUNCTION_LINES:
            yield f"{path}:{node.lineno} {node.name}: {count} lines, {FUNCTION_LINES} at most"
        if node.name.startswith(NO_PREFIX) and not node.name.startswith("get_command"):
            yield f"{path}:{node.lineno} {node.name}: a function is the noun it returns"


def main() -> None:
    if faults := [fault for path in sources() for fault in faults_of(path)]:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
