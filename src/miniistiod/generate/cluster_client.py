"""What of a proxy decides its clusters, beside what it sees: a value, the same for proxies of one make."""

from __future__ import annotations

from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.proxy.facts import fact
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.scope import ProxyScope


class CertificateFiles(NamedTuple):
    """The client certificate that a proxy's metadata names instead of the mesh's own."""

    chain: str
    key: str
    roots: str


class ClusterClient(NamedTuple):
    """`extensions`: it has Istio's filters. `preserves_case`: header names keep their case in HTTP/1.

    `sees_ipv6`: its DNS answers are IPv6 ones (it has no IPv4 address). The two sockets are SDS servers in
    its Pod.
    """

    router: bool
    extensions: bool
    preserves_case: bool
    sees_ipv6: bool = False
    certificate: CertificateFiles | None = None
    file_socket: bool = False
    credential_socket: bool = False

    @property
    def dns_family(self) -> Cluster.DnsLookupFamily:
        """The addresses it asks DNS for."""
        return Cluster.V6_ONLY if self.sees_ipv6 else Cluster.V4_ONLY


@fact
def cluster_client(scope: ProxyScope) -> ClusterClient:
    """The traits of a proxy."""
    proxy = scope.proxy
    headers = scope.proxy_config.message.proxy_headers
    return ClusterClient(
        router=proxy.is_router,
        extensions=proxy.istio_extensions,
        preserves_case=headers.preserve_http1_header_case.value,
        sees_ipv6=not proxy.supports_ipv4,
        certificate=certificate_files(proxy),
        file_socket=proxy.metadata.get("file-credential") == "true",
        credential_socket=proxy.metadata.get("credential") == "true",
    )


def certificate_files(proxy: Proxy) -> CertificateFiles | None:
    """Istio's TLS_CLIENT_* metadata; the chain says whether they count."""
    chain, key, roots = (
        str(proxy.metadata.get(f"TLS_CLIENT_{name}") or "") for name in ("CERT_CHAIN", "KEY", "ROOT_CERT")
    )
    return CertificateFiles(chain, key, roots) if chain else None
