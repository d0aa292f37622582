"""One request or connection, as far as authorization can see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JWT_FILTER = "envoy.filters.http.jwt_authn"
JWT_PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class Asked:
    """`principal` is the SPIFFE URI of the client's certificate, "" for plaintext. `claims` are those of a
    verified token, None without one. `metadata` is what other filters left, by their name.
    Names of headers are in small letters.
    """

    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    address: str = ""
    source_ip: str = ""
    remote_ip: str = ""
    server_name: str = ""
    principal: str = ""
    claims: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """A header or pseudo-header; None when it is not there."""
        own = {":method": self.method, ":path": self.path, ":authority": self.host}
        return own[name] if name in own else self.headers.get(name.lower())

    @property
    def dynamic_metadata(self) -> Mapping[str, Any]:
        """What the filters before have left."""
        tokens = {} if self.claims is None else {JWT_FILTER: {JWT_PAYLOAD: self.claims}}
        return {**tokens, **self.metadata}
