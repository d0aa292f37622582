"""ServerTLSSettings of a Gateway server or a Sidecar ingress listener → DownstreamTlsContext.

The certificate is the workload's own (ISTIO_MUTUAL), a credential by SDS, or files in the proxy's container.
"""

from __future__ import annotations

from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, TlsParameters
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.gateway_pb2 import ServerTLSSettings
from miniistiod.translate.gateway.cipher_suites import cipher_suites
from miniistiod.translate.gateway.credential import credential
from miniistiod.translate.mesh_config.collector import Collector
from miniistiod.translate.peer_authentication.mutual_tls import HTTP_ALPN, TCP_ALPN, minimum_version
from miniistiod.vocab import sds

Mode = ServerTLSSettings.TLSmode
Combined = CommonTlsContext.CombinedCertificateValidationContext

_OF_THE_USER = (Mode.SIMPLE, Mode.MUTUAL, Mode.OPTIONAL_MUTUAL)


@dataclass(frozen=True, slots=True)
class SecretSources:
    """Where this proxy may find secrets besides ADS: sockets in its Pod, the mesh's SDS provider.

    `certificate` and `roots` name the workload's own secrets.
    """

    credential_socket: bool = False
    file_socket: bool = False
    server: Collector | None = None
    certificate: str = sds.WORKLOAD
    roots: str = sds.ROOT


def server_tls(
    settings: ServerTLSSettings,
    defaults: MeshConfig.TLSConfig,
    sources: SecretSources,
    *,
    opaque: bool = False,
) -> DownstreamTlsContext:
    """`defaults` is the mesh's tlsDefaults; `opaque`: what is inside TLS is not HTTP."""
    mutual = settings.mode == Mode.ISTIO_MUTUAL
    common = CommonTlsContext(alpn_protocols=TCP_ALPN if mutual and opaque else HTTP_ALPN)
    if not mutual and (settings.credential_names or settings.credential_name):
        common.MergeFrom(_by_credential(settings, sources))
    else:
        common.MergeFrom(_by_file(settings, sources))
    if settings.mode in _OF_THE_USER:
        common.MergeFrom(_parameters(settings, defaults))
    return DownstreamTlsContext(
        common_tls_context=common,
        require_client_certificate=BoolValue(value=settings.mode in (Mode.MUTUAL, Mode.ISTIO_MUTUAL)),
    )


def _by_credential(settings: ServerTLSSettings, sources: SecretSources) -> CommonTlsContext:
    names = list(settings.credential_names) or [settings.credential_name]

    def secret(name: str) -> SdsSecretConfig:
        return credential(name, socket=sources.credential_socket, server=sources.server)

    made = CommonTlsContext(tls_certificate_sds_secret_configs=[secret(name) for name in names])
    if settings.mode in (Mode.MUTUAL, Mode.OPTIONAL_MUTUAL):
        roots = settings.ca_cert_credential_name or names[0] + sds.CA_SUFFIX
        rules = _peer_rules(settings)
        rules.verify_certificate_spki.extend(settings.verify_certificate_spki)
        rules.verify_certificate_hash.extend(settings.verify_certificate_hash)
        made.combined_validation_context.CopyFrom(
            Combined(default_validation_context=rules, validation_context_sds_secret_config=secret(roots))
        )
    elif settings.subject_alt_names:
        made.validation_context.match_subject_alt_names.extend(_names(settings))
    return made


def _by_file(settings: ServerTLSSettings, sources: SecretSources) -> CommonTlsContext:
    """Files that are not given fall back to the workload's own secrets."""
    own = settings.mode == Mode.ISTIO_MUTUAL
    made = CommonTlsContext(tls_certificate_sds_secret_configs=_certificates(settings, sources))
    if settings.mode in (Mode.MUTUAL, Mode.OPTIONAL_MUTUAL, Mode.ISTIO_MUTUAL):
        rules = _peer_rules(settings)
        if settings.ca_crl:
            rules.crl.CopyFrom(DataSource(filename=settings.ca_crl))
        name = sources.roots if own else sds.root_file(settings.ca_certificates) or sds.ROOT
        made.combined_validation_context.CopyFrom(
            Combined(
                default_validation_context=rules,
                validation_context_sds_secret_config=_file_secret(name, sources),
            )
        )
    return made


def _certificates(settings: ServerTLSSettings, sources: SecretSources) -> list[SdsSecretConfig]:
    if settings.mode == Mode.ISTIO_MUTUAL:
        return [_file_secret(sources.certificate, sources)]
    pairs = [(pair.server_certificate, pair.private_key) for pair in settings.tls_certificates]
    pairs = pairs or [(settings.server_certificate, settings.private_key)]
    return [_file_secret(sds.certificate_file(*pair) or sds.WORKLOAD, sources) for pair in pairs]


def _file_secret(name: str, sources: SecretSources) -> SdsSecretConfig:
    from_files = sources.file_socket and name not in (sds.WORKLOAD, sds.ROOT)
    return sds.agent_secret(name, sds.FILES if from_files else sds.AGENT)


def _peer_rules(settings: ServerTLSSettings) -> CertificateValidationContext:
    made = CertificateValidationContext(match_subject_alt_names=_names(settings))
    if settings.insecure_skip_verify.value:
        made.trust_chain_verification = CertificateValidationContext.TrustChainVerification.ACCEPT_UNTRUSTED
    return made


def _names(settings: ServerTLSSettings) -> list[StringMatcher]:
    return [StringMatcher(exact=name) for name in settings.subject_alt_names]


def _parameters(settings: ServerTLSSettings, defaults: MeshConfig.TLSConfig) -> CommonTlsContext:
    """The server's own versions, ciphers and curves; where it has none, the mesh's."""
    params = TlsParameters(
        ecdh_curves=settings.ecdh_curves or defaults.ecdh_curves,
        cipher_suites=cipher_suites(settings.cipher_suites) or defaults.cipher_suites,
        tls_minimum_protocol_version=_minimum(settings, defaults),
        tls_maximum_protocol_version=settings.max_protocol_version,  # the same numbers in both enums
    )
    return CommonTlsContext(tls_params=params if params.ByteSize() else None)


def _minimum(settings: ServerTLSSettings, defaults: MeshConfig.TLSConfig) -> int:
    if settings.min_protocol_version or not defaults.min_protocol_version:
        return settings.min_protocol_version
    return minimum_version(defaults)
