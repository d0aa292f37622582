"""mtls.mode and the protocol of a port → the filter chains of that port, as what tells them apart.

One table: a chain is HTTP or TCP, with or without Envoy's own TLS, and is found by what the inspectors saw.
Clients with a sidecar say by an ALPN of Istio's whether what they send is HTTP; that way a port whose
protocol nobody declared can tell the two apart under TLS as well.
"""

from __future__ import annotations

from typing import NamedTuple

from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.vocab.protocol import Protocol

Mode = PeerAuthentication.MutualTLS.Mode

TLS = "tls"
PLAIN = "raw_buffer"

PLAIN_HTTP = ("http/1.1", "h2c")
"""What the HTTP inspector finds."""

MESH_HTTP = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
MESH_TCP = ("istio-peer-exchange", "istio")
MESH = ("istio", "istio-peer-exchange", *MESH_HTTP)
"""What a sidecar offers in its TLS handshake."""


class ChainMatch(NamedTuple):
    """One filter chain of a port: when it is taken, and what it is."""

    http: bool
    transport: str
    alpn: tuple[str, ...] = ()
    terminates: bool = False


_HTTP: dict[int, tuple[ChainMatch, ...]] = {
    Mode.STRICT: (ChainMatch(True, TLS, terminates=True),),
    Mode.PERMISSIVE: (ChainMatch(True, TLS, MESH, True), ChainMatch(True, PLAIN)),
    Mode.DISABLE: (ChainMatch(True, PLAIN),),
}
_TCP: dict[int, tuple[ChainMatch, ...]] = {
    Mode.STRICT: (ChainMatch(False, TLS, terminates=True),),
    Mode.PERMISSIVE: (ChainMatch(False, TLS, MESH, True), ChainMatch(False, TLS), ChainMatch(False, PLAIN)),
    Mode.DISABLE: (ChainMatch(False, PLAIN),),
}
_AUTO: dict[int, tuple[ChainMatch, ...]] = {
    Mode.STRICT: (ChainMatch(True, TLS, MESH_HTTP, True), ChainMatch(False, TLS, terminates=True)),
    Mode.PERMISSIVE: (
        ChainMatch(True, TLS, MESH_HTTP, True),
        ChainMatch(True, PLAIN, PLAIN_HTTP),
        ChainMatch(False, TLS, MESH_TCP, True),
        ChainMatch(False, PLAIN),
        ChainMatch(False, TLS),
    ),
    Mode.DISABLE: (ChainMatch(True, PLAIN, PLAIN_HTTP), ChainMatch(False, PLAIN)),
}


def chain_matches(protocol: Protocol, mode: int) -> tuple[ChainMatch, ...]:
    """The chains of a port in Istio's order; `mode` is the effective one, never UNSET."""
    if protocol.is_http:
        return _HTTP[mode]
    return _AUTO[mode] if protocol is Protocol.AUTO else _TCP[mode]
