"""What `serve` is told: which configuration, which addresses. An empty address switches that listener off."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

GRPC = "127.0.0.1:15010"
SECURE_GRPC = "127.0.0.1:15012"
HTTP = "127.0.0.1:8080"
MONITORING = "127.0.0.1:15014"


CERTIFICATE_LIFETIME = 24 * 3600.0


def state_directory() -> Path:
    """Where keys and certificates are kept unless told otherwise."""
    return Path.home() / ".local" / "state" / "miniistiod"


@dataclass(frozen=True, slots=True)
class Settings:
    """`ca_directory` holds our own self-signed authority; `cacerts` a user's own, which wins.

    `certificate_lifetime` is in seconds. `token_issuers` are (name, JWKS file), `issuer_urls` (name, where
    its JWKS is fetched). `secret_folders` may be named in `file-cert:` secrets. `client_certificate_address`
    asks for client certificates instead of tokens. `trust_plaintext` serves private keys in plaintext.
    `environment` are the variables that the mesh's settings may name.
    """

    config: tuple[Path, ...]
    grpc_address: str = GRPC
    secure_grpc_address: str = SECURE_GRPC
    http_address: str = HTTP
    monitoring_address: str = MONITORING
    ca_directory: Path = field(default_factory=state_directory)
    cacerts: Path | None = None
    certificate_lifetime: float = CERTIFICATE_LIFETIME
    token_issuers: tuple[tuple[str, Path], ...] = ()
    issuer_urls: tuple[tuple[str, str], ...] = ()
    secret_folders: tuple[Path, ...] = ()
    client_certificate_address: str = ""
    trust_plaintext: bool = False
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def secure(self) -> bool:
        """Whether anybody can be given a secret."""
        return bool(self.secure_grpc_address or self.client_certificate_address or self.trust_plaintext)
