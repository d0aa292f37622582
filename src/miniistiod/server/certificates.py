"""IstioCertificateService: a certificate of the caller's own identity for the key in its request.

This is what istio's own agent calls. Each refusal has a reason; no reason holds a token or a key.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc
from cryptography import x509

from miniistiod.api.istio.security import ca_pb2
from miniistiod.ca import authority as ca
from miniistiod.ca import certificates, request
from miniistiod.ca.identity import Identity
from miniistiod.server.connections import Refusal
from miniistiod.server.identity import Doorkeeper, over_tls

SERVICE = "istio.v1.auth.IstioCertificateService"
IMPERSONATED = "ImpersonatedIdentity"


class Certificates:
    """Issues certificates with the authority that is in force when it is asked."""

    def __init__(
        self, authority: Callable[[], ca.Authority], doorkeeper: Doorkeeper, clock: Callable[[], datetime]
    ) -> None:
        self._authority = authority
        self._doorkeeper = doorkeeper
        self._clock = clock

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        """The service, for a gRPC server."""
        create = grpc.unary_unary_rpc_method_handler(
            self.create,
            request_deserializer=ca_pb2.IstioCertificateRequest.FromString,
            response_serializer=ca_pb2.IstioCertificateResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"CreateCertificate": create})

    async def create(self, message: ca_pb2.IstioCertificateRequest, context: Any) -> Any:
        """CreateCertificate: leaf first, root last."""
        try:
            if not over_tls(context):
                raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "certificates are issued over TLS only")
            caller = self._doorkeeper.proven(context)
            if IMPERSONATED in message.metadata.fields:
                raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "nobody may ask for another's certificate")
            chain = issued(self._authority(), message, caller, self._clock())
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.reason)
        return ca_pb2.IstioCertificateResponse(cert_chain=chain)


def issued(
    authority: ca.Authority, message: ca_pb2.IstioCertificateRequest, caller: Identity, now: datetime
) -> list[str]:
    """The certificate chain in PEM: leaf, intermediates one by one, and all roots as the last element."""
    try:
        key = request.public_key(message.csr.encode(), caller)
        lifetime = request.lifetime(message.validity_duration)
        names = (x509.UniformResourceIdentifier(caller.uri),)
        leaf = ca.leaf(authority, names, key, now, lifetime)
    except request.Refused as refused:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"CSR refused: {refused}") from None
    except ca.BadAuthority as fault:
        raise Refusal(grpc.StatusCode.INTERNAL, str(fault)) from None
    chain = [certificates.pem_of([c]).decode() for c in (leaf, *authority.chain)]
    return [*chain, authority.roots_pem.decode()]
