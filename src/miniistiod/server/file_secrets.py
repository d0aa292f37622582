"""Certificates and keys in files → secrets, for `file-cert:CERTIFICATE~KEY` and `file-root:ROOTS`.

Only files below the given folders and the machine's own roots are read, so that no configuration can name a
key of the control plane itself, and only what is a certificate or a key is served. A file replaced through a
symlink counts as new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from miniistiod.ca import certificates, keys
from miniistiod.translate.secret.envoy_secret import tls_certificate, validation_context
from miniistiod.translate.secret.material import KeyPair, Roots
from miniistiod.vocab.sds import SYSTEM_ROOTS
from miniistiod.xds.resource import Part, Resource, resource

CERTIFICATE = "file-cert:"
ROOTS = "file-root:"
BUNDLES = tuple(
    map(
        Path,
        (
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "/etc/ssl/cert.pem",
        ),
    )
)
"""Where the roots that a machine trusts are, by distribution: the content of `file-root:system`."""
MAX_BYTES = 1 << 20

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A secret and the state of its files when they were read; None when they could not be."""

    stamp: Stamp
    secret: Resource | None


class FileSecrets:
    """The secrets made of files that are in use, read again when they change."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folder.resolve() for folder in folders)
        self._read: dict[str, Read] = {}
        self._parts: dict[frozenset[str], Part] = {}

    def part(self, names: frozenset[str]) -> Part:
        """The secrets of these names; the same object until one of the files changes."""
        if names not in self._parts:
            made = [self._secret(name) for name in sorted(names)]
            self._parts[names] = {each.name: each for each in made if each is not None}
        return self._parts[names]

    def look(self) -> bool:
        """Look at the files in use; True when a secret has changed. A file that cannot be used any more

        keeps its last good content serving.
        """
        changed = False
        for name, before in list(self._read.items()):
            if self._stamp(name) != before.stamp:
                after = self._made(name)
                kept = after.secret or before.secret
                self._read[name] = Read(after.stamp, kept)
                changed |= kept != before.secret
        if changed:
            self._parts.clear()
        return changed

    def _secret(self, name: str) -> Resource | None:
        if name not in self._read:
            self._read[name] = self._made(name)
        return self._read[name].secret

    def _made(self, name: str) -> Read:
        stamp = self._stamp(name)
        try:
            contents = [self._content(path) for path in paths(name)]
            return Read(stamp, _secret(name, contents))
        except (OSError, ValueError):
            return Read(stamp, None)

    def _content(self, path: Path) -> bytes:
        real = path.resolve(strict=True)
        if path not in BUNDLES and not any(real.is_relative_to(folder) for folder in self._folders):
            raise ValueError("outside of the folders")
        with real.open("rb") as file:
            return file.read(MAX_BYTES)

    def _stamp(self, name: str) -> Stamp:
        return tuple(_state(path) for path in paths(name))


def paths(name: str) -> tuple[Path, ...]:
    """The files a name is made of: (certificate, key) or (roots,); () for another name."""
    if name.startswith(CERTIFICATE):
        parts = name.removeprefix(CERTIFICATE).split("~")
        return tuple(map(Path, parts)) if len(parts) == 2 else ()
    if name == ROOTS + SYSTEM_ROOTS:
        return tuple(path for path in BUNDLES if path.exists())[:1] or BUNDLES[:1]
    if name.startswith(ROOTS):
        return (Path(name.removeprefix(ROOTS)),)
    return ()


def _secret(name: str, contents: Iterable[bytes]) -> Resource:
    """Raises ValueError for what is no certificate or key, or a pair that does not fit."""
    first, *rest = contents
    chain = certificates.of_pem(first)
    if not chain:
        raise ValueError("empty")
    if not rest:
        message = validation_context(name, Roots(first))
    else:
        if not keys.same(chain[0].public_key(), keys.of_pem(rest[0]).public_key()):  # type: ignore[arg-type]
            raise ValueError("the key is another certificate's")
        message = tls_certificate(name, KeyPair(first, rest[0]))
    return resource(name, message.SerializeToString(deterministic=True))


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
