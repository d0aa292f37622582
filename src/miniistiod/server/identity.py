"""Who is calling: a bearer token or a client certificate, and whether the Node it sends agrees with that.

Without TLS nobody proves anything. No message here holds a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc

from miniistiod.ca import tokens
from miniistiod.ca.identity import Identity, of_uri
from miniistiod.server.connections import Refusal

BEARER = "bearer "


@dataclass(slots=True, eq=False)
class Caller:
    """One stream's caller. `identity` is what it has proven, None over plaintext.

    `held` is the place where server.sds keeps the secrets of this stream.
    """

    identity: Identity | None
    held: Any = field(default=None, repr=False)

    def __str__(self) -> str:
        """What the debug pages may show: the proven identity, "" when nothing is proven."""
        return str(self.identity) if self.identity else ""


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """`issuers` are whom we believe now. `trust_plaintext`: believe a Node without proof where there is no
    TLS, for labs on one machine; it opens everybody's keys to everybody who can connect.
    """

    issuers: Callable[[], Sequence[tokens.Issuer]]
    trust_domain: Callable[[], str]
    clock: Callable[[], datetime]
    trust_plaintext: bool = False

    async def authorise(self, context: Any, node: Any) -> Caller:
        """The caller of a discovery stream; Refusal when it has no proof or is another than its Node says."""
        namespace, account = claimed(node)
        if not over_tls(context):
            known = self.trust_plaintext and namespace and account
            return Caller(Identity(self.trust_domain(), namespace, account) if known else None)
        identity = self.proven(context)
        if namespace not in ("", identity.namespace) or account not in ("", identity.service_account):
            claim = f"namespace {namespace or '(none)'}, service account {account or '(none)'}"
            raise Refusal(
                grpc.StatusCode.PERMISSION_DENIED, f"the caller is {identity}, its node says {claim}"
            )
        return Caller(identity)

    def proven(self, context: Any) -> Identity:
        """The identity of a call over TLS. A token counts before a certificate; Refusal without either."""
        token = bearer_token(context.invocation_metadata())
        if token is not None:
            try:
                return tokens.identity(token, self.issuers(), self.trust_domain(), self.clock())
            except tokens.BadToken as fault:
                raise Refusal(grpc.StatusCode.UNAUTHENTICATED, str(fault)) from None
        identity = certificate_identity(context.auth_context())
        if identity is None:
            reason = "neither a bearer token nor a client certificate of a service account"
            raise Refusal(grpc.StatusCode.UNAUTHENTICATED, reason)
        return identity


def over_tls(context: Any) -> bool:
    """Whether the call came over TLS."""
    return b"ssl" in tuple(context.auth_context().get("transport_security_type", ()))


def bearer_token(metadata: Any) -> str | None:
    """The token of a call, None when there is none."""
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.lower().startswith(BEARER):
            return value[len(BEARER) :].strip()
    return None


def certificate_identity(auth_context: Mapping[str, Any]) -> Identity | None:
    """The SPIFFE identity of a client certificate, which gRPC has verified against our roots."""
    names = [bytes(name).decode(errors="replace") for name in auth_context.get("peer_spiffe_id", ())]
    return of_uri(names[0]) if len(names) == 1 else None


def claimed(node: Any) -> tuple[str, str]:
    """(namespace, service account) as the Node has it, "" for what it does not say."""
    namespace, account = (_text(node.metadata.fields, name) for name in ("NAMESPACE", "SERVICE_ACCOUNT"))
    return namespace or _namespace(node.id), account


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field's text. Something else than text stays a claim, one that nobody can prove."""
    if name not in fields:
        return ""
    kind = fields[name].WhichOneof("kind")
    return str(fields[name].string_value) if kind == "string_value" else f"({kind})"


def _namespace(node_id: str) -> str:
    """The namespace in KIND~ADDRESS~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN, for a Node without metadata."""
    parts = node_id.split("~")
    return parts[3].split(".", 1)[0] if len(parts) == 4 else ""
