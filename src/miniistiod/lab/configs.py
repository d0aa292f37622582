"""A file, a folder, or the name of a folder of configs/ → the documents in it.

configs/ is beside src/ in a clone, and inside the package in a wheel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CONFIGS = next(
    (folder for folder in (PACKAGE / "configs", PACKAGE.parents[1] / "configs") if folder.is_dir()),
    PACKAGE / "configs",
)
SUFFIXES = (".yaml", ".yml", ".json")


class NoConfiguration(LookupError):
    """There is no such file or folder, or nothing in it; says what there is."""


def place(name: str | Path) -> Path:
    """The user's own file or folder of this name, else the one in configs/. Raises NoConfiguration."""
    for path in (Path(name), CONFIGS / name):
        if path.exists():
            return path
    known = ", ".join(folders(CONFIGS)) or "none"
    raise NoConfiguration(f"no file or folder {str(name)!r}; in configs/ there are: {known}")


def files(path: Path) -> list[Path]:
    """The file itself, or the YAML and JSON files of a folder, without the folders in it, as kubectl has it.

    Raises NoConfiguration when a folder has none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and each.is_file())
    if not found:
        inside = ", ".join(f"{path}/{each}" for each in folders(path))
        more = f"; give one of the folders in it: {inside}" if inside else ""
        raise NoConfiguration(f"{path}: no file that ends with {', '.join(SUFFIXES)}{more}")
    return found


def texts(names: Iterable[str | Path]) -> Iterator[tuple[str, str]]:
    """Each file with its text. Raises NoConfiguration, and OSError for what cannot be read."""
    for name in names:
        yield from ((str(file), file.read_text()) for file in files(place(name)))


def folders(path: Path) -> list[str]:
    """The names of the folders in a folder."""
    return sorted(each.name for each in path.iterdir() if each.is_dir()) if path.is_dir() else []
