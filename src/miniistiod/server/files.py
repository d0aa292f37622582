"""Files and folders of YAML → a Store, and a new Store whenever they change.

The kernel's events only say that something happened; what happened is found by looking again, so
editors' renames, symlink swaps as in Kubernetes volumes and missed events all come out right.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from miniistiod.config import Store
from miniistiod.server.file_events import ANY, FileEvents

SUFFIXES = (".yaml", ".yml", ".json")
LOOK_AGAIN = 1.0
"""Seconds after which to look without an event: a network file system gives none."""
SETTLE = 0.05
"""Seconds to wait where a file may still be being written."""
LONGEST_SETTLE = 1.0
DEEPEST = 32
"""Folders in one another; more of them are a loop of symlinks."""

Signature = tuple[int, int, int, int]


class ConfigFiles:
    """The files under the paths given (files, or folders with all below), as they were at the last look."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.store = Store()
        self._folders: dict[str, Collection[str]] = {}
        self._seen: dict[str, Signature] = {}
        self._fresh: set[str] = set()

    def load(self) -> Store:
        """Read everything. Raises FileNotFoundError for a path that is not there."""
        for path in self.paths:
            if not path.exists():
                raise FileNotFoundError(f"there is no file or folder {path}")
        self.look()
        return self.store

    def look(self) -> bool:
        """Read what changed since the last look; whether the store is another one now."""
        changes: dict[str, str | None] = {}
        present = self._present()
        for name in [*self._seen.keys() - present.keys()]:
            changes[name] = None
            del self._seen[name]
        for name, signature in present.items():
            if self._seen.get(name) != signature or name in self._fresh:
                with suppress(OSError):  # gone since; the next look will tell
                    changes[name] = _text(name)
                    self._seen[name] = signature
        # Within one tick of the file system's clock a second write leaves the same signature.
        newest = time.time_ns() - int(SETTLE * 1e9)
        self._fresh = {name for name in changes if name in self._seen and self._seen[name][0] > newest}
        before, self.store = self.store, self.store.with_files(changes)
        return self.store is not before

    def _present(self) -> dict[str, Signature]:
        """The files that are there now. The folders to watch are noted."""
        self._folders = {}
        found: dict[str, Signature] = {}
        for path in self.paths:
            whole = path.absolute()
            if path.is_dir():
                self._folders[str(whole.parent)] = (whole.name, *self._folders.get(str(whole.parent), ()))
                found.update(self._below(str(path)))
            else:
                self._folders[str(whole.parent)] = ANY
                with suppress(OSError):
                    found[str(path)] = _signature(str(path))
        return found

    def _below(self, folder: str, depth: int = 0) -> Iterator[tuple[str, Signature]]:
        """The configuration files in a folder and below. Hidden ones are editors' and Kubernetes' own."""
        self._folders[folder] = ANY
        entries = []
        with suppress(OSError):
            entries = sorted((e for e in os.scandir(folder) if e.name[0] != "."), key=lambda e: e.name)
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir():
                    if depth < DEEPEST:
                        yield from self._below(entry.path, depth + 1)
                elif entry.name.endswith(SUFFIXES):
                    yield entry.path, _signature(entry.path)

    async def stores(self) -> AsyncIterator[Store]:
        """The store of the first full load, then one after each change."""
        changed = asyncio.Event()
        events = FileEvents(changed.set, _counts)
        try:
            yield self.store if self._seen else self.load()
            while True:
                if not events.follow(self._folders):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SETTLE if self._fresh else LOOK_AGAIN):
                            await changed.wait()
                changed.clear()
                before = self.store
                if self.look():
                    await self._settled(before)
                    if self.store is not before:
                        yield self.store
        finally:
            events.close()

    async def _settled(self, before: Store) -> None:
        """Wait while objects of before are missing: a file may be half written, or half renamed."""
        end = time.monotonic() + LONGEST_SETTLE
        while _lost(before, self.store) and time.monotonic() < end:
            await asyncio.sleep(SETTLE)
            if not self.look():
                return


def _lost(before: Store, after: Store) -> bool:
    """Whether an object of before is nowhere now."""
    gone = set()
    for path, old in before.files.items():
        new = after.files.get(path)
        if new is not old:
            gone |= {one.key for one in old.objects} - {one.key for one in (new.objects if new else ())}
    return bool(gone) and not gone <= {one.key for one in after.objects}


def _text(name: str) -> str:
    """The text of a file; bytes that are no UTF-8 stay recognisable and make the document a bad one."""
    with open(name, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return file.read()


def _signature(name: str) -> Signature:
    """What is another when the file is. Raises OSError."""
    stat = os.stat(name)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev


def _counts(name: str) -> bool:
    """Whether a change of this entry may concern us: not an editor's own file, but a folder or a link may."""
    return name.endswith(SUFFIXES) or not os.path.splitext(name)[1]
