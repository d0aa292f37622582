"""WasmConfig.url → the address that is fetched, as istiod writes it: oci unless it says otherwise.

Source: Go's net/url, by which istiod reads and writes it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

FILE = "file://"
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*(?=:)")
_BROKEN = re.compile(r"%(?![0-9a-fA-F]{2})|[\x00-\x1f\x7f]")
_UNESCAPED = re.compile(r"(?:[\w!$&'()*+,;=:@\[\]/~.-]|%[0-9a-fA-F]{2})*", re.ASCII)
_KEPT = "$&+,/:;=@-._~"


def module_url(url: str) -> str | None:
    """The whole address; None for what is none."""
    if not url or _BROKEN.search(url):
        return None
    named = _SCHEME.match(url)
    if named is None:
        plain = ":" not in url.partition("/")[0]
        return f"oci://{_path(url)}" if plain else None
    scheme, rest = named.group().lower(), url[named.end() + 1 :]
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    host, slash, path = rest[2:].partition("/")
    return f"{scheme}://{host}{slash}{_path(path)}"


def scheme(address: str) -> str:
    """How an address is fetched."""
    return address.partition(":")[0]


def authority(address: str) -> tuple[str, int]:
    """The host of an http(s) address, and its port or the usual one."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _path(path: str) -> str:
    """A path with a query. What is not allowed to stand in it is escaped."""
    path, mark, query = path.partition("?")
    if not _UNESCAPED.fullmatch(path):
        path = quote(unquote(path), safe=_KEPT)
    return f"{path}{mark}{query}"
