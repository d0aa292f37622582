"""Who gets which secret over SDS: raw clients against a server on loopback."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates, keys, tokens
from miniistiod.ca.credential import credential
from miniistiod.server import authority_store
from tests.security.plane import GATEWAY_SECRET, WEB, Plane, Stream, node, plane

ALL = ("default", "ROOTCA", GATEWAY_SECRET)
HOUR = timedelta(hours=1)


async def refusal(stream: Stream) -> tuple[grpc.StatusCode, str]:
    """The status with which a stream is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stream.secrets()
    return error.value.code(), str(error.value.details())


def certificate(secret: Any) -> x509.Certificate:
    return x509.load_pem_x509_certificates(secret.tls_certificate.certificate_chain.inline_bytes)[0]


def roots(secret: Any) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(secret.validation_context.trusted_ca.inline_bytes)


def test_a_token_gets_the_certificate_of_its_identity_and_the_mesh_s_secrets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            got = await Stream(channel, ALL, node(), server.token()).secrets()
            assert set(got) == set(ALL)
            leaf = certificate(got["default"])
            assert certificates.identity(leaf) == WEB
            assert certificates.path_to_root(leaf, (), roots(got["ROOTCA"]))
            key = keys.of_pem(got["default"].tls_certificate.private_key.inline_bytes)
            assert keys.same(key.public_key(), leaf.public_key())  # type: ignore[arg-type]

    asyncio.run(scenario())


def test_without_tls_nobody_gets_a_private_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel(tls=False) as channel:
            for token in (None, server.token()):
                got = await Stream(channel, ALL, node(), token).secrets()
                assert set(got) == {"ROOTCA"}

    asyncio.run(scenario())


def test_without_tls_private_keys_are_served_only_when_told_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, trust_plaintext=True) as server, server.channel(tls=False) as channel:
            got = await Stream(channel, ALL, node()).secrets()
            assert certificates.identity(certificate(got["default"])) == WEB

    asyncio.run(scenario())


def test_over_tls_a_caller_must_be_who_its_node_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            token = server.token()
            for other in (node("shop", "admin"), node("bank", "web"), node("bank", "admin")):
                code, reason = await refusal(Stream(channel, ALL, other, token))
                assert code is grpc.StatusCode.PERMISSION_DENIED
                assert token not in reason
            code, reason = await refusal(Stream(channel, ALL, node()))
            assert code is grpc.StatusCode.UNAUTHENTICATED
            stolen = tokens.minted(tokens.service_account_claims(WEB, server.clock()), keys.private_key())
            code, reason = await refusal(Stream(channel, ALL, node(), stolen))
            assert code is grpc.StatusCode.UNAUTHENTICATED
            assert "no key of the issuer" in reason
            server.clock.now += timedelta(days=1)
            code, reason = await refusal(Stream(channel, ALL, node(), token))
            assert code is grpc.StatusCode.UNAUTHENTICATED
            assert "expired" in reason

    asyncio.run(scenario())


def test_any_issuer_that_is_configured_may_vouch(tmp_path: Path) -> None:
    async def scenario() -> None:
        key = keys.private_key("rsa-2048")
        issuer = tokens.Issuer("https://k8s.example", tokens.key_set([key.public_key()]))
        async with plane(tmp_path, issuers=[issuer]) as server, server.channel() as channel:
            claims = tokens.service_account_claims(WEB, server.clock(), issuer=issuer.name)
            got = await Stream(channel, ["default"], node(), tokens.minted(claims, key)).secrets()
            assert certificates.identity(certificate(got["default"])) == WEB

    asyncio.run(scenario())


def test_certificates_are_renewed_at_half_their_lifetime_each_stream_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, lifetime=HOUR) as server, server.channel() as channel:
            streams = [Stream(channel, ["default"], node(), server.token()) for _ in range(2)]
            first = [certificate((await s.secrets())["default"]) for s in streams]
            assert first[0].public_key() != first[1].public_key()
            server.pass_time(HOUR / 2 - timedelta(seconds=1))
            # Nothing is sent yet: the next thing the streams hear is the renewal.
            server.pass_time(timedelta(seconds=2))
            for stream, old in zip(streams, first, strict=True):
                new = certificate((await stream.secrets())["default"])
                assert new.serial_number != old.serial_number
                assert new.not_valid_after_utc - server.clock() == pytest.approx(
                    HOUR, abs=timedelta(seconds=1)
                )

    asyncio.run(scenario())


def write_own(directory: Path, made: ca.Authority) -> None:
    """A user's `cacerts`."""
    authority_store.written(directory, made)


async def stepped(server: Plane, stream: Stream, by: timedelta) -> Any:
    server.pass_time(by)
    return await stream.secrets()


def test_a_new_root_is_trusted_before_it_signs_and_the_old_one_until_nothing_uses_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        own = tmp_path / "cacerts"
        spread = timedelta(minutes=5)
        old, new = (ca.self_signed(datetime.now(UTC), keys.private_key()) for _ in range(2))
        write_own(own, old)
        options = {"own_authority": own, "lifetime": HOUR, "root_spread": spread}
        async with plane(tmp_path, **options) as server, server.channel() as channel:
            stream = Stream(channel, ["default", "ROOTCA"], node(), server.token())
            assert roots((await stream.secrets())["ROOTCA"]) == [old.certificate]
            write_own(own, new)
            assert server.security.authorities.reload()
            got = await stepped(server, stream, timedelta())
            assert set(roots(got["ROOTCA"])) == {old.certificate, new.certificate}
            assert certificates.signed_by(certificate(got["default"]), old.certificate)
            got = await stepped(server, stream, spread)
            assert certificates.signed_by(certificate(got["default"]), new.certificate)
            if "ROOTCA" in got:
                assert set(roots(got["ROOTCA"])) == {old.certificate, new.certificate}
            while len(roots(got["ROOTCA"]) if "ROOTCA" in got else "??") == 2:
                got = await stepped(server, stream, HOUR / 2 + timedelta(seconds=1))
            assert roots(got["ROOTCA"]) == [new.certificate]

    asyncio.run(scenario())


def test_a_client_certificate_proves_an_identity_as_a_token_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as server:
            authority = server.security.authorities.current()
            own = credential(authority, WEB, keys.private_key(), server.clock(), HOUR)
            async with server.mutual_channel(own.chain_pem, own.key_pem) as channel:
                got = await Stream(channel, ["default"], node()).secrets()
                assert certificates.identity(certificate(got["default"])) == WEB
                code, _ = await refusal(Stream(channel, ["default"], node("shop", "admin")))
                assert code is grpc.StatusCode.PERMISSION_DENIED
            stranger = ca.self_signed(server.clock(), keys.private_key())
            forged = credential(stranger, WEB, keys.private_key(), server.clock(), HOUR)
            async with server.mutual_channel(forged.chain_pem, forged.key_pem) as channel:
                code, _ = await refusal(Stream(channel, ["default"], node()))
                assert code is grpc.StatusCode.UNAVAILABLE

    asyncio.run(scenario())

    asyncio.run(scenario())
