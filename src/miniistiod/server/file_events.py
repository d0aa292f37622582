"""Folders to watch → a call at once when something happens in one of them: Linux's inotify.

What happened is not told, who is called looks for itself. The kernel is asked directly, because packages that
do so look for events every few milliseconds, from a thread of their own: each change would wait for that.
Where there is no inotify nothing is told.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable, Collection, Iterator, Mapping

CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x8, 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF, IS_FOLDER = 0x400, 0x800, 0x4000_0000
WATCHED = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
ANY: Collection[str] = ("",)
"""All entries of a folder."""

HEAD = struct.Struct("iIII")
LATER = 0.05
"""Seconds after which a new file is told of that nobody has written and closed before: a link."""


class FileEvents:
    """Calls `happened` for events in the folders that it follows. `counts`: which names matter at all."""

    def __init__(self, happened: Callable[[], None], counts: Callable[[str], bool]) -> None:
        self._happened = happened
        self._counts = counts
        self._entries: dict[int, set[str]] = {}
        self._loop = asyncio.get_running_loop()
        self._libc = ctypes.CDLL(None, use_errno=True)
        start = getattr(self._libc, "inotify_init1", None)
        self._file = -1 if start is None else start(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file >= 0:
            self._loop.add_reader(self._file, self._read)

    def follow(self, folders: Mapping[str, Collection[str]]) -> bool:
        """Watch these and no others, each for the entries of these names. Whether one is watched only now, so
        that something may have happened in it before.
        """
        before, self._entries = self._entries, {}
        if self._file >= 0:
            for folder, names in folders.items():
                watch = self._libc.inotify_add_watch(self._file, os.fsencode(folder), WATCHED)
                if watch >= 0:
                    self._entries.setdefault(watch, set()).update(names)
        for watch in before.keys() - self._entries.keys():
            self._libc.inotify_rm_watch(self._file, watch)
        return not before.keys() >= self._entries.keys()

    def close(self) -> None:
        """Watch nothing any more."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _read(self) -> None:
        """Tell of what matters: of a file that was only made when it is written, or later if it never is."""
        kinds = {kind for kind, matters in self._events() if matters}
        if any(kind & IS_FOLDER or not kind & CREATE for kind in kinds):
            self._happened()
        elif kinds:
            self._loop.call_later(LATER, self._happened)

    def _events(self) -> Iterator[tuple[int, bool]]:
        """What happened, and whether it matters. A watch of -1 says that events were lost."""
        data, at = os.read(self._file, 1 << 16), 0
        while at < len(data):
            watch, kind, _, length = HEAD.unpack_from(data, at)
            name = os.fsdecode(data[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0"))
            at += HEAD.size + length
            names = self._entries.get(watch, ANY)
            yield kind, not name or name in names or ("" in names and self._counts(name))
