"""The application protocols a port can have, and how Kubernetes port names and appProtocol declare them."""

from __future__ import annotations

from enum import Enum


class Protocol(Enum):
    """Istio's protocol of a service port. AUTO is detected by Envoy from the first bytes."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    MONGO = "Mongo"
    REDIS = "Redis"
    MYSQL = "MySQL"
    UDP = "UDP"
    HTTP_PROXY = "HTTP_PROXY"
    HBONE = "HBONE"
    AUTO = "UnsupportedProtocol"

    @property
    def is_http(self) -> bool:
        """Plaintext HTTP of any version: routed by virtual hosts."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """HTTP/2 to the upstream unless told otherwise."""
        return self in _HTTP2

    @property
    def is_tcp(self) -> bool:
        """Opaque bytes as far as routing goes (TLS is matched by SNI only)."""
        return self in _TCP

    @property
    def is_tls(self) -> bool:
        """Encrypted by the application itself."""
        return self in (Protocol.HTTPS, Protocol.TLS)


_HTTP = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB, Protocol.HTTP_PROXY})
_HTTP2 = frozenset({Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_TCP = frozenset({Protocol.TCP, Protocol.HTTPS, Protocol.TLS, Protocol.MONGO, Protocol.REDIS, Protocol.MYSQL})

WELL_KNOWN_TCP = frozenset({25, 53, 3306, 27017})
"""SMTP, DNS, MySQL and MongoDB: the server may speak first, so waiting for the client would hang."""

_BY_NAME = {p.value.lower(): p for p in Protocol if p not in (Protocol.AUTO, Protocol.HBONE)}
_KUBERNETES = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}


def parsed(text: str) -> Protocol:
    """The protocol of this name, in any case; AUTO for a name that is none."""
    return _BY_NAME.get(text.lower(), Protocol.AUTO)


def of_kubernetes_port(number: int, name: str, transport: str, app_protocol: str) -> Protocol:
    """What a Service's port declares: by appProtocol, else by the part of its name before the first dash.

    Source: Istio's protocol selection. `grpc-web` is the one protocol with a dash in it.
    """
    if transport == "UDP":
        return Protocol.UDP
    if app_protocol in _KUBERNETES:
        return _KUBERNETES[app_protocol]
    declared = (app_protocol or name).lower()
    if declared.startswith("grpc-web"):
        return Protocol.GRPC_WEB
    protocol = parsed(declared.split("-", 1)[0])
    return Protocol.TCP if protocol is Protocol.AUTO and number in WELL_KNOWN_TCP else protocol
