"""What is on disk: keys nobody else can read, and file secrets taken up through symlink swaps."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from miniistiod.ca import authority as ca
from miniistiod.ca import keys
from miniistiod.ca.credential import server_credential
from miniistiod.server import authority_store, file_secrets
from miniistiod.server.authorities import Authorities
from miniistiod.server.file_secrets import FileSecrets
from miniistiod.xds.resource import Part

NOW = datetime.now(UTC)


def test_an_authority_is_made_once_and_its_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "authority"
    made = authority_store.authority(directory, NOW)
    authority_store.token_key(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("ca-key.pem", "token-key.pem"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    again = authority_store.authority(directory, NOW)
    assert again.certificate == made.certificate
    assert [p.name for p in directory.iterdir() if p.name.startswith(".")] == []


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    authority_store.authority(tmp_path, NOW)
    (tmp_path / "ca-key.pem").chmod(0o640)
    with pytest.raises(ca.BadAuthority, match="chmod 600"):
        authority_store.authority(tmp_path, NOW)


def test_former_roots_are_trusted_after_a_restart_too(tmp_path: Path) -> None:
    own, state = tmp_path / "own", tmp_path / "state"
    old, new = (ca.self_signed(NOW, keys.private_key()) for _ in range(2))
    authority_store.written(own, old)
    authorities = Authorities(state, lambda: NOW, own)
    assert not authorities.reload()
    authority_store.written(own, new)
    assert authorities.reload()
    restarted = Authorities(state, lambda: NOW, own).current()
    assert set(restarted.roots) == {old.certificate, new.certificate}


def test_a_broken_authority_does_not_replace_the_one_in_force(tmp_path: Path) -> None:
    own = tmp_path / "own"
    authority_store.written(own, ca.self_signed(NOW, keys.private_key()))
    authorities = Authorities(tmp_path / "state", lambda: NOW, own)
    before = authorities.current()
    (own / "ca-cert.pem").write_text("junk")
    with pytest.raises(ca.BadAuthority):
        authorities.reload()
    assert authorities.current() is before


def mounted(volume: Path, version: str, authority: ca.Authority) -> None:
    """A certificate and key as Kubernetes mounts a Secret: files → ..data → a folder for each version."""
    folder = volume / version
    folder.mkdir(parents=True)
    chain, key = server_credential(authority, ("shop.example",), keys.private_key(), NOW, ca.LEAF_LIFETIME)
    (folder / "tls.crt").write_bytes(chain)
    (folder / "tls.key").write_bytes(key)
    (volume / "next").symlink_to(version)
    (volume / "next").replace(volume / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")


def chain_of(part: Part, name: str) -> bytes:
    message = Secret.FromString(part[name].body)
    return bytes(message.tls_certificate.certificate_chain.inline_bytes)


def test_file_secrets_follow_a_symlink_swap_and_outlive_a_broken_file(tmp_path: Path) -> None:
    authority = ca.self_signed(NOW, keys.private_key())
    volume = tmp_path / "certs"
    mounted(volume, "v1", authority)
    name = f"file-cert:{volume}/tls.crt~{volume}/tls.key"
    files = FileSecrets([tmp_path / "certs"])
    first = files.part(frozenset({name}))
    assert chain_of(first, name) == (volume / "v1" / "tls.crt").read_bytes()
    assert not files.look()
    assert files.part(frozenset({name})) is first
    mounted(volume, "v2", authority)
    assert files.look()
    second = files.part(frozenset({name}))
    assert chain_of(second, name) == (volume / "v2" / "tls.crt").read_bytes()
    (volume / "v2" / "tls.crt").write_text("half a certific")
    assert not files.look()
    assert files.part(frozenset({name})) is second


def test_only_certificates_in_the_given_folders_are_read(tmp_path: Path) -> None:
    authority_store.authority(tmp_path / "authority", NOW)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "notes").write_text("not a certificate")
    (tmp_path / "certs" / "link").symlink_to(tmp_path / "authority" / "ca-key.pem")
    (tmp_path / "certs" / "root").symlink_to(tmp_path / "authority" / "root-cert.pem")
    files = FileSecrets([tmp_path / "certs"])
    authority = f"{tmp_path}/authority"
    names = frozenset(
        {
            f"file-cert:{authority}/ca-cert.pem~{authority}/ca-key.pem",
            f"file-root:{tmp_path}/certs/notes",
            f"file-root:{tmp_path}/certs/../authority/root-cert.pem",
            f"file-root:{tmp_path}/certs/root",
            f"file-cert:{tmp_path}/certs/root~{tmp_path}/certs/link",
            "file-root:/etc/passwd",
            "file-cert:/etc/passwd",
        }
    )
    assert files.part(names) == {}


def test_the_roots_of_the_machine_are_served_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = ca.self_signed(NOW, keys.private_key()).roots_pem
    (tmp_path / "bundle.crt").write_bytes(roots)
    monkeypatch.setattr(file_secrets, "BUNDLES", (tmp_path / "nothing.crt", tmp_path / "bundle.crt"))
    found = FileSecrets([]).part(frozenset({"file-root:system"}))["file-root:system"]
    assert Secret.FromString(found.body).validation_context.trusted_ca.inline_bytes == roots
    (tmp_path / "bundle.crt").unlink()
    assert FileSecrets([]).part(frozenset({"file-root:system"})) == {}
