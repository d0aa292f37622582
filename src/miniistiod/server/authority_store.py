"""The certificate authority on disk: a self-signed one made once, or a user's own as `cacerts` has it.

The directory holds root-cert.pem, ca-cert.pem, ca-key.pem, cert-chain.pem (Istio's layout) and token-key.pem,
with which we sign bearer tokens. Keys are readable by their owner only.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates, keys

ROOT, SIGNER, KEY, CHAIN = "root-cert.pem", "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
FILES = (ROOT, SIGNER, KEY, CHAIN)
TOKEN_KEY = "token-key.pem"
PRIVATE = stat.S_IRUSR | stat.S_IWUSR
MAX_BYTES = 1 << 20


def authority(directory: Path, now: datetime) -> ca.Authority:
    """The authority of a directory of one's own: what is there, or a new self-signed one.

    Raises ca.BadAuthority when what is there does not fit together, and when its key is open to others.
    """
    if not (directory / KEY).exists():
        made = ca.self_signed(now, keys.private_key())
        written(directory, made)
        return made
    if (directory / KEY).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ca.BadAuthority(f"{directory / KEY} may be read by others than its owner: chmod 600 it")
    return plugged_in(directory, now)


def plugged_in(directory: Path, now: datetime) -> ca.Authority:
    """A user's own authority. Kubernetes mounts it with permissions of its own, so these are not judged."""
    try:
        root, signer, key = (read(directory / name) for name in (ROOT, SIGNER, KEY))
        chain = read(directory / CHAIN) if (directory / CHAIN).exists() else b""
    except OSError as fault:
        raise ca.BadAuthority(f"{fault.filename}: {fault.strerror}") from None
    return ca.plugged_in(root, signer, key, chain, now)


def token_key(directory: Path) -> keys.Private:
    """The key with which bearer tokens are signed; made when there is none."""
    path = directory / TOKEN_KEY
    if not path.exists():
        private_file(path, keys.pem_of(keys.private_key()))
    return keys.of_pem(read(path))


def written(directory: Path, made: ca.Authority) -> None:
    """Write an authority; the key last, so that a half-written directory is begun anew."""
    private_directory(directory)
    (directory / ROOT).write_bytes(made.roots_pem)
    (directory / SIGNER).write_bytes(certificates.pem_of([made.certificate]))
    (directory / CHAIN).write_bytes(made.chain_pem)
    private_file(directory / KEY, keys.pem_of(made.key))


def private_directory(directory: Path) -> None:
    """A directory that only its owner may enter."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(stat.S_IRWXU)


def private_file(path: Path, content: bytes) -> None:
    """A file that never was open to others, not for a moment, and is never half there."""
    private_directory(path.parent)
    secret_file(path, content)


def secret_file(path: Path, content: bytes) -> None:
    """The same in a folder that is somebody else's."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)


def read(path: Path) -> bytes:
    """A small file."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES)
