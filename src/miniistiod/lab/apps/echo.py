"""Echo servers below HTTP: TCP, TLS and gRPC (HTTP/2 in clear text).

A TCP peer is first told which workload it has reached, one line, then gets back what it sends. The gRPC
method `/echo.Echo/Say` returns the request's bytes; the metadata `fail-with: 14` asks for that status.
"""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from miniistiod.lab.apps.recorder import Recorder

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def tcp_echo(recorder: Recorder) -> Connection:
    """What is done with each connection."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorder.seen(peer=str(writer.get_extra_info("peername")))
        writer.write(f"{socket.gethostname()}\n".encode())
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    return connection


def own_certificate(*names: str) -> ssl.SSLContext:
    """A TLS server context with a self-signed certificate for these names, made anew at each start."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        pem.write(certificate.public_bytes(serialization.Encoding.PEM))
        pem.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        pem.flush()
        tls.load_cert_chain(pem.name)
    return tls


def echo_service(recorder: Recorder) -> grpc.GenericRpcHandler:
    """The gRPC service echo.Echo, without a generated class: bytes in, the same bytes out."""

    async def say(request: bytes, call: Any) -> bytes:
        metadata = {str(k): str(v) for k, v in call.invocation_metadata()}
        recorder.seen(peer=call.peer(), headers=metadata)
        if code := metadata.get("fail-with"):
            status = next((s for s in grpc.StatusCode if s.value[0] == int(code)), grpc.StatusCode.UNKNOWN)
            await call.abort(status, f"asked to fail with {code}")
        await call.send_initial_metadata((("hostname", socket.gethostname()),))
        return request

    handlers = {"Say": grpc.unary_unary_rpc_method_handler(say)}
    return grpc.method_handlers_generic_handler("echo.Echo", handlers)


async def grpc_echo(recorder: Recorder, port: int) -> None:
    """Serve echo.Echo on this port until cancelled."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((echo_service(recorder),))
    server.add_insecure_port(f"0.0.0.0:{port}")
    await server.start()
    await server.wait_for_termination()


async def tcp_server(recorder: Recorder, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Serve the TCP echo on this port until cancelled."""
    server = await asyncio.start_server(tcp_echo(recorder), "0.0.0.0", port, ssl=tls)
    await server.serve_forever()
