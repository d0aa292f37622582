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
