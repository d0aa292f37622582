"""Ports of the lab on this machine's localhost.

The listening sockets are opened before the lab leaves the machine's network namespace and go with it: a
socket stays where it was made, so one process can listen outside and connect inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

Target = Callable[[], tuple[str, int] | None]


def listener(preferred: int) -> socket.socket:
    """A listening socket on localhost: on the preferred port if it is free, else on any; 0 means any."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port), backlog=256)
    raise OSError("no free port on localhost")


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one side to the other, and its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except ConnectionError:
        writer.close()


def forwarded(target: Target) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """What is done with each connection: it is joined to the target, or closed when there is none."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = target()
        try:
            if where is None:
                return
            inside_reader, inside_writer = await asyncio.open_connection(*where)
            try:
                await asyncio.gather(copied(reader, inside_writer), copied(inside_reader, writer))
            finally:
                inside_writer.close()
        except OSError:
            return
        finally:
            writer.close()

    return connection


async def publish(sock: socket.socket, target: Target) -> asyncio.Server:
    """Serve a published port."""
    return await asyncio.start_server(forwarded(target), sock=sock)
