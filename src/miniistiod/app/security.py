"""Settings → the authority, tokens and secrets of a control plane, and how its server asks them.

Imported only by one that serves more than plaintext: cryptography takes 10 MB.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from miniistiod.app.mesh_source import MeshSource
from miniistiod.app.settings import Settings
from miniistiod.ca.tokens import Issuer
from miniistiod.generate.file_secrets import file_secrets
from miniistiod.server import certificates
from miniistiod.server.security import Security, SecurityOptions


def security(settings: Settings, source: MeshSource) -> Security:
    """Authority, tokens and secrets. Raises BadAuthority when there is none to begin with."""
    options = SecurityOptions(
        settings.ca_directory,
        settings.cacerts,
        lifetime=timedelta(seconds=settings.certificate_lifetime),
        issuers=[Issuer(name, file.read_text()) for name, file in settings.token_issuers],
        file_folders=settings.secret_folders,
        trust_plaintext=settings.trust_plaintext,
    )
    return Security(
        options,
        trust_domain=lambda: source.mesh.settings.trust_domain,
        files_of=lambda snapshot: file_secrets(snapshot.scope),
    )


def hooks(security: Security) -> dict[str, Any]:
    """What an AdsServer asks of it."""
    return {
        "authorise": security.doorkeeper.authorise,
        "visible": security.secrets.visible,
        "handlers": [security.certificates.handler],
        "services": [certificates.SERVICE],
    }
