"""A URL → what is there, for keys of token issuers: one GET within a time, of a limited size."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from datetime import timedelta

import httpx

from miniistiod.server.fetch_error import FetchError

MAX_BYTES = 1 << 20


async def content(url: str, timeout: timedelta) -> bytes:
    """One HTTP GET, no redirects, and never of a link-local address, where clouds keep their credentials."""
    await _refuse_link_local(url)
    try:
        async with (
            asyncio.timeout(timeout.total_seconds()),
            httpx.AsyncClient(timeout=None) as client,
            client.stream("GET", url) as response,
        ):
            return await _body(response)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise FetchError(f"{type(error).__name__} {error}".strip()) from None


async def _body(response: httpx.Response) -> bytes:
    if not response.is_success:
        raise FetchError(f"status {response.status_code}")
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_BYTES:
            raise FetchError(f"more than {MAX_BYTES} bytes")
    return body


async def _refuse_link_local(url: str) -> None:
    try:
        host = httpx.URL(url).host
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (httpx.InvalidURL, OSError) as error:
        raise FetchError(str(error)) from None
    for *_, address in found:
        if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_link_local:
            raise FetchError(f"{host} is a link-local address")
