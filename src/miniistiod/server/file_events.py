"""Folders to watch → a call at once when something happens in one of them: Linux's inotify.

What happened is not told, who is called looks for itself. Where the kernel gives no inotify nothing is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from asyncinotify import Event, Inotify, Mask, Watch

WATCHED = Mask.CLOSE_WRITE | Mask.MOVE | Mask.CREATE | Mask.DELETE | Mask.DELETE_SELF | Mask.MOVE_SELF
ANY: Collection[str] = ("",)
"""All entries of a folder."""

LATER = 0.05
"""Seconds after which a new file is told of that nobody has written and closed before: a link."""


class FileEvents:
    """Calls `happened` for events in the folders that it follows. `counts`: which names matter at all."""

    def __init__(self, happened: Callable[[], None], counts: Callable[[str], bool]) -> None:
        self._happened = happened
        self._counts = counts
        self._entries: dict[Watch, set[str]] = {}
        self._inotify: Inotify | None = None
        with suppress(OSError):
            self._inotify = Inotify()
            self._reader = asyncio.create_task(self._read(self._inotify))

    def follow(self, folders: Mapping[str, Collection[str]]) -> bool:
        """Watch these and no others, each for the entries of these names. Whether one is watched only now, so
        that something may have happened in it before.
        """
        before, self._entries = self._entries, {}
        if self._inotify:
            for folder, names in folders.items():
                with suppress(OSError):
                    watch = self._inotify.add_watch(folder, WATCHED)
                    self._entries.setdefault(watch, set()).update(names)
            for watch in before.keys() - self._entries.keys():
                with suppress(OSError):  # the folder is gone, and its watch with it
                    self._inotify.rm_watch(watch)
        return not before.keys() >= self._entries.keys()

    def close(self) -> None:
        """Watch nothing any more."""
        if self._inotify:
            self._reader.cancel()
            self._inotify.close()

    async def _read(self, inotify: Inotify) -> None:
        """Tell of what matters: of a file that was only made when it is written, or later if it never is."""
        async for event in inotify:
            if not self._matters(event):
                continue
            if Mask.CREATE in event.mask and Mask.ISDIR not in event.mask:
                asyncio.get_running_loop().call_later(LATER, self._happened)
            else:
                self._happened()

    def _matters(self, event: Event) -> bool:
        """Whether it is about an entry that is followed, a whole folder, or events that were lost."""
        name = str(event.name or "")
        names = self._entries.get(event.watch, ANY) if event.watch else ANY
        return not name or name in names or ("" in names and self._counts(name))
