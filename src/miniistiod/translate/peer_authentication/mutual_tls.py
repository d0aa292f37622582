"""mtls of a workload → the TLS context with which its sidecar takes connections from the mesh.

The peer must prove an identity of one of the mesh's trust domains. Versions and ciphers are the mesh's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, TlsParameters
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.vocab import sds

CIPHERS = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
)
"""For TLS 1.2 inside the mesh."""

HTTP_ALPN = ("h2", "http/1.1")
TCP_ALPN = ("istio-peer-exchange", *HTTP_ALPN)
"""istio-peer-exchange first, so that two sidecars exchange their metadata before the payload."""

Version = TlsParameters.TlsProtocol


def mutual_tls(
    settings: MeshConfig.TLSConfig,
    trust_domains: Iterable[str],
    *,
    http: bool,
    certificate: str = sds.WORKLOAD,
    roots: str = sds.ROOT,
) -> DownstreamTlsContext:
    """`settings` is meshMTLS; `certificate` and `roots` name the secrets of the workload."""
    return DownstreamTlsContext(
        common_tls_context=CommonTlsContext(
            alpn_protocols=HTTP_ALPN if http else TCP_ALPN,
            tls_params=TlsParameters(
                cipher_suites=settings.cipher_suites or CIPHERS,
                tls_minimum_protocol_version=minimum_version(settings),
                tls_maximum_protocol_version=Version.TLSv1_3,
            ),
            tls_certificate_sds_secret_configs=[sds.agent_secret(certificate)],
            combined_validation_context=CommonTlsContext.CombinedCertificateValidationContext(
                default_validation_context=CertificateValidationContext(
                    match_subject_alt_names=[
                        StringMatcher(prefix=f"spiffe://{domain}/") for domain in trust_domains
                    ]
                ),
                validation_context_sds_secret_config=sds.agent_secret(roots),
            ),
        ),
        require_client_certificate=BoolValue(value=True),
    )


def minimum_version(settings: MeshConfig.TLSConfig) -> int:
    """TLS 1.2 unless the mesh asks for 1.3."""
    asked = settings.min_protocol_version == MeshConfig.TLSConfig.TLSProtocol.TLSV1_3
    return int(Version.TLSv1_3 if asked else Version.TLSv1_2)
