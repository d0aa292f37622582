"""The authority in force: loaded from disk, replaced without a refused handshake when its files change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates
from miniistiod.ca.rotation import Rotation
from miniistiod.server import authority_store as store

SPREAD = timedelta(minutes=1)
"""How long all connected workloads are given to trust a new root before it signs; a push takes far less."""

FORMER = "former-roots.pem"


class Authorities:
    """`directory` is ours, with a self-signed authority; `own`, if given, a user's (`cacerts`), which wins.

    `leaf` is the longest lifetime of a certificate. Raises ca.BadAuthority when there is none to begin with.
    """

    def __init__(
        self,
        directory: Path,
        clock: Callable[[], datetime],
        own: Path | None = None,
        leaf: timedelta = ca.LEAF_LIFETIME,
        spread: timedelta = SPREAD,
    ) -> None:
        self._directory, self._own = directory, own
        self._clock = clock
        self._leaf, self._spread = leaf, spread
        self._loaded = self._load()
        self._read = self._stamp()
        self._rotation: Rotation | None = None
        self._current = self._loaded.trusting(self._former())
        self._until: datetime | None = None

    def current(self) -> ca.Authority:
        """Who signs and whom to trust; the same object until a step of a rotation."""
        now = self._clock()
        if self._rotation is not None and self._until is not None and now >= self._until:
            self._current, self._until = self._rotation.authority(now), self._rotation.next_step(now)
            if self._until is None:
                self._rotation = None
                self._forget()
        return self._current

    @property
    def next_step(self) -> datetime | None:
        """When `current` changes by itself."""
        return self._until

    def reload(self) -> bool:
        """Read the files again; True when another authority takes over from now on.

        Raises ca.BadAuthority when they do not fit; the one in force goes on. A new certificate under the
        same roots signs at once.
        """
        if self._stamp() == self._read:
            return False
        self._read = self._stamp()
        loaded = self._load()
        if loaded.certificate == self._loaded.certificate and loaded.roots == self._loaded.roots:
            return False
        old, self._loaded = self.current(), loaded
        if set(loaded.roots) <= set(old.roots):
            self._current = loaded.trusting(old.roots)
            return True
        now = self._clock()
        self._rotation = Rotation(old, loaded, now, self._spread, self._leaf)
        self._current, self._until = self._rotation.authority(now), self._rotation.next_step(now)
        self._remember(old)
        return True

    def _load(self) -> ca.Authority:
        now = self._clock()
        return (
            store.authority(self._directory, now) if self._own is None else store.plugged_in(self._own, now)
        )

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        """What tells changed files from the same ones; a symlink counts as what it points to."""
        files = [(self._own or self._directory) / name for name in store.FILES]
        return tuple((f.stat().st_ino, f.stat().st_mtime_ns) if f.exists() else (0, 0) for f in files)

    def _remember(self, old: ca.Authority) -> None:
        """Roots still in use are trusted after a restart as well."""
        store.private_directory(self._directory)
        (self._directory / FORMER).write_bytes(old.roots_pem)

    def _former(self) -> tuple[x509.Certificate, ...]:
        path = self._directory / FORMER
        try:
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if self._clock() >= since + self._spread + self._leaf:
                return ()
            return certificates.of_pem(store.read(path))
        except (OSError, certificates.BadCertificate):
            return ()

    def _forget(self) -> None:
        with contextlib.suppress(OSError):
            (self._directory / FORMER).unlink()
