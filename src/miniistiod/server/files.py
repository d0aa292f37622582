"""Files and folders of YAML → a Store, and a new Store whenever they change.

The kernel's events only say that something happened; what happened is found by looking again, so
editors' renames, symlink swaps as in Kubernetes volumes and missed events all come out right.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from watchfiles import awatch

from miniistiod.config import Store

SUFFIXES = (".yaml", ".yml", ".json")
STEP = 10
"""Milliseconds between two looks of watchfiles at its events: half of what a change waits on average."""
LOOK_AGAIN = 1.0
"""Seconds after which to look without an event: a network file system gives none."""
SETTLE = 0.05
"""Seconds to wait where a file may still be being written."""
LONGEST_SETTLE = 1.0

Signature = tuple[int, int, int, int]


class ConfigFiles:
    """The files under the paths given (files, or folders with all below), as they were at the last look."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.store = Store()
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
        present = dict(self._signatures())
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

    def _signatures(self) -> Iterator[tuple[str, Signature]]:
        for path in self.paths:
            for name in _names(path):
                with suppress(OSError):
                    stat = os.stat(name)
                    yield name, (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev)

    async def stores(self) -> AsyncIterator[Store]:
        """The store of the first full load, then one after each change."""
        changed = asyncio.Event()
        watches = [asyncio.create_task(watch) for path in self.paths for watch in _watches(path, changed)]
        try:
            yield self.store if self._seen else self.load()
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), SETTLE if self._fresh else LOOK_AGAIN)
                changed.clear()
                before = self.store
                if self.look():
                    await self._settled(before)
                    if self.store is not before:
                        yield self.store
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

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


def _names(path: Path) -> Iterator[str]:
    """The configuration files at this path. Hidden ones are editors' and Kubernetes' own."""
    if not path.is_dir():
        yield str(path)
        return
    for folder, folders, names in os.walk(path, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if folder.count(os.sep) - str(path).count(os.sep) > 32:  # a loop of symlinks
            folders.clear()
        yield from (
            os.path.join(folder, name)
            for name in sorted(names)
            if name.endswith(SUFFIXES) and not name.startswith(".")
        )


def _watches(path: Path, changed: asyncio.Event) -> Iterator[Coroutine[None, None, None]]:
    """What to watch: a folder's own tree, and the folder above, where the path itself may be swapped."""
    path = path.absolute()
    if path.is_dir():
        yield _watch(path, changed, recursive=True)
    yield _watch(path.parent, changed, recursive=False, only=path.name if path.is_dir() else "")


async def _watch(folder: Path, changed: asyncio.Event, *, recursive: bool, only: str = "") -> None:
    """Set the event whenever something happens in the folder, or to the one entry of it that matters."""
    while True:
        with suppress(OSError, RuntimeError):
            same = os.stat(folder)
            async for events in awatch(
                folder, watch_filter=None, debounce=4 * STEP, step=STEP, recursive=recursive,
                rust_timeout=int(LOOK_AGAIN * 1000), yield_on_timeout=True,
            ):  # fmt: skip
                if any(not only or os.path.basename(name) == only for _, name in events):
                    changed.set()
                if not os.path.samestat(same, os.stat(folder)):
                    break  # another folder has taken its place: watch that one
            changed.set()
            continue
        await asyncio.sleep(LOOK_AGAIN)
