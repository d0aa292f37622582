"""`python -m miniistiod.lab.apps ROLE [VERSION] [--port N]... [--inspect SOCKET]`: one workload.

The same program plays every part, in the labs made of namespaces and in the images of the compose labs.
With `--tls-port N --tls-names A,B` an HTTP role serves the same over TLS, with a certificate for these names.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from miniistiod.lab.apps.recorder import Recorded, Recorder, inspector

ROLES = {
    "productpage": 9080,
    "details": 9080,
    "reviews": 9080,
    "ratings": 9080,
    "httpbin": 8000,
    "stand-in": 8080,
    "tcp-echo": 9000,
    "tls-echo": 9443,
    "grpc-echo": 7070,
    "authorizer": 8000,
    "client": 0,
}
"""Each role and the port it serves on when none is given; 0 for none."""

AUTHORIZER_GRPC_PORT = 9000
SECONDS_KEPT = 7200
"""How long a connection may be idle: longer than Envoy keeps one, or requests meet its end (503 UC)."""


def application(role: str, version: str) -> Starlette:
    """The HTTP app of a role; imported here, because a role needs only its own."""
    if role == "productpage":
        from miniistiod.lab.apps.productpage import productpage

        return productpage()
    if role in ("httpbin", "stand-in"):
        from miniistiod.lab.apps.httpbin import httpbin

        return httpbin(every_path=role == "stand-in")
    if role == "authorizer":
        from miniistiod.lab.apps.authorizer import authorizer

        return authorizer()
    from miniistiod.lab.apps import bookinfo

    return {"details": bookinfo.details, "ratings": bookinfo.ratings}.get(
        role, lambda: bookinfo.reviews(version)
    )()


async def served(app: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
    """Serve an HTTP app on a bound socket until cancelled."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=SECONDS_KEPT,
    )
    config.load()
    config.ssl = tls
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    await server._serve([listener])


def below_http(role: str, recorder: Recorder, port: int) -> Awaitable[None]:
    """The server of a role that is no HTTP app."""
    from miniistiod.lab.apps import echo

    if role == "grpc-echo":
        return echo.grpc_echo(recorder, port)
    return echo.tcp_server(
        recorder, port, echo.own_certificate(socket.gethostname()) if role == "tls-echo" else None
    )


def inspection(role: str, recorder: Recorder, path: Path) -> Awaitable[None]:
    """The inspector's server on its Unix socket; a client takes its orders there too."""
    app = inspector(recorder)
    if role == "client":
        from miniistiod.lab.apps.client import client_routes

        app.router.routes.extend(client_routes())
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with short_path(path) as name:
        listener.bind(name)
    return served(app, listener)


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """The path as the kernel can take it: at most 107 bytes, so through the directory's descriptor."""
    folder = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def serve(
    role: str, version: str, ports: list[int], tls_port: int, tls_names: list[str], inspect: Path | None
) -> None:
    """Serve a role and its inspector until the process ends; `tls_port` 0 is none."""
    recorder = Recorder()
    servers: list[Callable[[], Awaitable[None]]] = []
    if inspect:
        servers.append(lambda: inspection(role, recorder, inspect))
    if role.endswith("-echo"):
        servers += [lambda port=port: below_http(role, recorder, port) for port in ports]  # type: ignore[misc]
    elif role != "client":
        app = Recorded(application(role, version), recorder)
        servers += [lambda port=port: served(app, tcp_socket(port)) for port in ports]  # type: ignore[misc]
        if role == "authorizer":
            from miniistiod.lab.apps.authorizer import grpc_authorizer

            servers.append(lambda: grpc_authorizer(recorder, AUTHORIZER_GRPC_PORT))
        if tls_port:
            from miniistiod.lab.apps.echo import own_certificate

            tls = own_certificate(*tls_names)
            servers.append(lambda: served(app, tcp_socket(tls_port), tls))
    await asyncio.gather(*(server() for server in servers)) if servers else await asyncio.Event().wait()


def tcp_socket(port: int) -> socket.socket:
    """A bound socket on every address; asyncio switches Nagle's delay off only for one known as TCP."""
    bound = socket.create_server(("0.0.0.0", port), backlog=1024)
    return socket.socket(bound.family, bound.type, socket.IPPROTO_TCP, fileno=bound.detach())


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="miniistiod.lab.apps", description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("version", nargs="?", default="v1")
    parser.add_argument("--port", type=int, action="append", help="may be given several times")
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--tls-names", default=socket.gethostname())
    parser.add_argument("--inspect", type=Path)
    options = parser.parse_args()
    ports = options.port or [ROLES[options.role]]
    names = options.tls_names.split(",")
    asyncio.run(serve(options.role, options.version, ports, options.tls_port, names, options.inspect))


if __name__ == "__main__":
    main()
