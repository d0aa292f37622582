"""What `serve` is told: which configuration, which addresses. An empty address switches that listener off."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

GRPC = "127.0.0.1:15010"
SECURE_GRPC = "127.0.0.1:15012"
HTTP = "127.0.0.1:8080"
MONITORING = "127.0.0.1:15014"


def state_directory() -> Path:
    """Where keys and certificates are kept unless told otherwise."""
    return Path.home() / ".local" / "state" / "miniistiod"


@dataclass(frozen=True, slots=True)
class Settings:
    """`ca_directory` holds our own self-signed authority; `cacerts` a user's own, which wins."""

    config: tuple[Path, ...]
    grpc_address: str = GRPC
    secure_grpc_address: str = SECURE_GRPC
    http_address: str = HTTP
    monitoring_address: str = MONITORING
    ca_directory: Path = field(default_factory=state_directory)
    cacerts: Path | None = None
