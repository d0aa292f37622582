"""All that makes the control plane safe to talk to, put together: authority, tokens, callers, secrets.

security = Security(SecurityOptions(directory), trust_domain=lambda: mesh.settings.trust_domain)
server = AdsServer(source, authorise=security.doorkeeper.authorise, visible=security.secrets.visible,
                   handlers=[security.certificates.handler], services=[certificates.SERVICE])
server.listen("127.0.0.1:15012", security.server_credentials())
tasks = [asyncio.create_task(work) for work in security.work(server.source_changed)]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import structlog

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates as x509
from miniistiod.ca import keys, tokens
from miniistiod.ca.credential import server_credential
from miniistiod.ca.identity import Identity
from miniistiod.server import authority_store, file_secrets
from miniistiod.server.authorities import SPREAD, Authorities
from miniistiod.server.certificates import Certificates
from miniistiod.server.identity import Doorkeeper
from miniistiod.server.sds import FilesOf, WorkloadSecrets, no_files

log = structlog.get_logger("security")

HOSTS = ("istiod.istio-system.svc", "istiod.istio-system", "istiod", "localhost", "127.0.0.1", "::1")
"""The names a client may know us by."""

SERVER_LIFETIME = timedelta(days=30)
LOOK = 1.0
"""Seconds between two looks at the files of a user's own authority."""


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """`directory` keeps our own authority and token key. `own_authority` is a user's `cacerts`.

    `issuers` are believed besides ourselves. `file_folders` may be named in `file-cert:` secrets.
    `trust_plaintext` serves private keys without proof (Doorkeeper).
    """

    directory: Path
    own_authority: Path | None = None
    lifetime: timedelta = ca.LEAF_LIFETIME
    root_spread: timedelta = SPREAD
    hosts: Sequence[str] = HOSTS
    issuers: Sequence[tokens.Issuer] = ()
    file_folders: Sequence[Path] = ()
    trust_plaintext: bool = False


def utc_now() -> datetime:
    """The clock of the shell."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Security:
    """Made before the server; raises ca.BadAuthority when there is no authority to begin with.

    `believed` are the issuers whose keys have been fetched by now.
    """

    options: SecurityOptions
    trust_domain: Callable[[], str]
    files_of: Callable[[Any], frozenset[str]] | None = None
    clock: Callable[[], datetime] = utc_now
    changed: Callable[[], None] = lambda: None
    believed: Sequence[tokens.Issuer] = ()
    authorities: Authorities = field(init=False)
    doorkeeper: Doorkeeper = field(init=False)
    secrets: WorkloadSecrets = field(init=False)
    certificates: Certificates = field(init=False)
    files: file_secrets.FileSecrets = field(init=False)
    token_key: keys.Private = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options = self.options
        self.authorities = Authorities(
            options.directory, self.clock, options.own_authority, options.lifetime, options.root_spread
        )
        self.token_key = authority_store.token_key(options.directory)
        always = (
            tokens.Issuer(tokens.ISSUER, tokens.key_set([self.token_key.public_key()])),
            *options.issuers,
        )
        self.doorkeeper = Doorkeeper(
            lambda: (*always, *self.believed), self.trust_domain, self.clock, options.trust_plaintext
        )
        self.files = file_secrets.FileSecrets(options.file_folders)
        self.secrets = WorkloadSecrets(
            self.authorities.current, self.clock, self._tell, options.lifetime, self._files()
        )
        self.certificates = Certificates(self.authorities.current, self.doorkeeper, self.clock)

    def believe(self, keys_of: Iterable[tuple[str, str]]) -> None:
        """Believe issuers whose keys have been fetched: (name, key set)."""
        self.believed = tuple(tokens.Issuer(name, text) for name, text in keys_of)

    def token(self, identity: Identity, lifetime: timedelta = tokens.LIFETIME) -> str:
        """A bearer token with which a workload proves this identity to us."""
        return tokens.minted(tokens.service_account_claims(identity, self.clock(), lifetime), self.token_key)

    @property
    def roots_pem(self) -> bytes:
        """The roots with which a client verifies us."""
        return self.authorities.current().roots_pem

    def server_credentials(self, client_certificates: bool = False) -> grpc.ServerCredentials:
        """TLS for our own ports, with a certificate that is renewed in time.

        gRPC for Python asks for client certificates always or never, so they need a port of their own.
        """
        served = _ServerCertificate(self)
        return grpc.dynamic_ssl_server_credentials(served.initial(), served.newer, client_certificates)

    def work(self, changed: Callable[[], None]) -> list[Coroutine[Any, Any, None]]:
        """What must run beside the server. `changed` is called when secrets are to be sent again."""
        self.changed = changed
        return [self.secrets.keep_fresh(lambda: self.authorities.next_step), self._watch()]

    async def _watch(self) -> None:
        """Take up changed files: of the authority, and of secrets."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                replaced = self.authorities.reload()
            except ca.BadAuthority as fault:
                log.warning("the changed authority is not used", reason=str(fault))
                replaced = False
            if replaced:
                self.secrets.wake()
            swapped = self.files.look()
            if swapped:
                self.secrets.files_changed()
            if swapped or replaced:
                self.changed()

    def _tell(self) -> None:
        self.changed()

    def _files(self) -> FilesOf:
        files_of = self.files_of
        return no_files if files_of is None else lambda base: self.files.part(files_of(base))


@dataclass(slots=True)
class _ServerCertificate:
    """The certificate of our own ports; gRPC asks for a newer one at each handshake."""

    security: Security
    authority: ca.Authority | None = None
    renew_at: datetime | None = None

    def initial(self) -> grpc.ServerCertificateConfiguration:
        """The first one."""
        security = self.security
        self.authority = security.authorities.current()
        now = security.clock()
        self.renew_at = now + SERVER_LIFETIME / 2
        chain, key = server_credential(
            self.authority, tuple(security.options.hosts), keys.private_key(), now, SERVER_LIFETIME
        )
        roots = x509.pem_of(self.authority.roots)
        return grpc.ssl_server_certificate_configuration([(key, chain)], roots)

    def newer(self) -> grpc.ServerCertificateConfiguration | None:
        """Another one when it is time or the authority is another; None to go on with the last."""
        due = self.renew_at is None or self.security.clock() >= self.renew_at
        if due or self.authority is not self.security.authorities.current():
            return self.initial()
        return None
