"""Generate src/miniistiod/api/**/*_pb2.py(i) from protos/; with --check, prove that they are current."""

from __future__ import annotations

import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"


def generate(out: Path) -> list[Path]:
    """Write the modules of every .proto under `out`; the paths written, relative to it."""
    sources = sorted(str(p.relative_to(PROTOS)) for p in PROTOS.rglob("*.proto"))
    well_known = files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{PROTOS}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}"]
    if protoc.main([*arguments, *sources]):
        raise SystemExit("protoc failed")
    return sorted(
        p.relative_to(out) for p in (out / "miniistiod/api").rglob("*_pb2.py*") if p.suffix in {".py", ".pyi"}
    )


def stale() -> list[str]:
    """The generated files that differ from what protos/ gives now, or that no longer have a source."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = generate(Path(scratch))
        kept = {
            p.relative_to(ROOT / "src")
            for p in (ROOT / "src/miniistiod/api").rglob("*_pb2.py*")
            if "__pycache__" not in p.parts
        }
        wrong = [
            p
            for p in fresh
            if p not in kept or not filecmp.cmp(Path(scratch) / p, ROOT / "src" / p, shallow=False)
        ]
        return sorted(map(str, [*wrong, *(kept - set(fresh))]))


def main() -> None:
    if "--check" in sys.argv:
        if wrong := stale():
            raise SystemExit("not current, run `make protos`: " + ", ".join(wrong))
        return
    generate(ROOT / "src")


if __name__ == "__main__":
    main()
