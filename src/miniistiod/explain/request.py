"""The request that is asked about, as a proxy sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `target` is the path with its query; header names are in lower case; `port` 0 is the
    first that fits. `tls`: it comes over HTTPS.
    """

    host: str
    target: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    tls: bool = False

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The first value of each query parameter."""
        pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        return dict(reversed(pairs))

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.tls else "http"
