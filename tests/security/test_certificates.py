"""CreateCertificate, as istio's agent calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from miniistiod.api.istio.security import ca_pb2
from miniistiod.ca import certificates, keys
from tests.security.plane import WEB, Plane, plane

METHOD = "/istio.v1.auth.IstioCertificateService/CreateCertificate"


def csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, uri: str = WEB.uri) -> str:
    """A request as the agent makes it."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return (
        builder.add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


async def created(
    channel: grpc.aio.Channel, token: str | None, message: ca_pb2.IstioCertificateRequest
) -> Sequence[str]:
    """The chain of the answer."""
    call = channel.unary_unary(
        METHOD,
        request_serializer=ca_pb2.IstioCertificateRequest.SerializeToString,
        response_deserializer=ca_pb2.IstioCertificateResponse.FromString,
    )
    metadata = [("authorization", f"Bearer {token}")] if token else []
    response: ca_pb2.IstioCertificateResponse = await call(message, metadata=metadata, timeout=60)
    return list(response.cert_chain)


async def refused(
    channel: grpc.aio.Channel, token: str | None, message: ca_pb2.IstioCertificateRequest
) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await created(channel, token, message)
    return error.value.code(), str(error.value.details())


def test_a_request_gets_a_certificate_of_the_caller_leaf_first_root_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            key = ec.generate_private_key(ec.SECP256R1())
            asked = ca_pb2.IstioCertificateRequest(csr=csr(key), validity_duration=3600)
            first, last = await created(channel, server.token(), asked)
            leaf, root = (x509.load_pem_x509_certificate(pem.encode()) for pem in (first, last))
            assert certificates.identity(leaf) == WEB
            assert certificates.signed_by(leaf, root)
            assert keys.same(leaf.public_key(), key.public_key())  # type: ignore[arg-type]
            left = leaf.not_valid_after_utc - server.clock()
            assert 3598 <= left.total_seconds() <= 3600
            assert not certificates.is_authority(leaf)

    asyncio.run(scenario())


def test_requests_that_are_refused(tmp_path: Path) -> None:
    async def scenario(server: Plane, channel: grpc.aio.Channel) -> None:
        token = server.token()
        strong, weak = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)
        admin = csr(strong, "spiffe://cluster.local/ns/shop/sa/admin")
        impersonating = ca_pb2.IstioCertificateRequest(csr=csr(strong))
        impersonating.metadata.update({"ImpersonatedIdentity": "spiffe://cluster.local/ns/shop/sa/admin"})
        invalid, nobody = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED
        for by, message, expected, reason in (
            (token, ca_pb2.IstioCertificateRequest(csr=admin), invalid, "may name only"),
            (token, ca_pb2.IstioCertificateRequest(csr=csr(weak)), invalid, "2048"),
            (token, ca_pb2.IstioCertificateRequest(csr="x" * 100_000), invalid, "more than"),
            (token, ca_pb2.IstioCertificateRequest(csr="junk"), invalid, "not a certificate signing request"),
            (
                token,
                ca_pb2.IstioCertificateRequest(csr=csr(strong), validity_duration=10**9),
                invalid,
                "at most",
            ),
            (token, impersonating, nobody, "another's"),
            (None, ca_pb2.IstioCertificateRequest(csr=csr(strong)), nobody, "neither"),
            ("junk", ca_pb2.IstioCertificateRequest(csr=csr(strong)), nobody, "not a token"),
        ):
            code, details = await refused(channel, by, message)
            assert (code, reason in details) == (expected, True), details
            assert token not in details
            assert "BEGIN" not in details

    async def run() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            await scenario(server, channel)

    asyncio.run(run())


def test_no_certificate_is_issued_in_plaintext(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, trust_plaintext=True) as server, server.channel(tls=False) as channel:
            asked = ca_pb2.IstioCertificateRequest(csr=csr(ec.generate_private_key(ec.SECP256R1())))
            code, details = await refused(channel, server.token(), asked)
            assert code is grpc.StatusCode.UNAUTHENTICATED
            assert "TLS" in details

    asyncio.run(scenario())
