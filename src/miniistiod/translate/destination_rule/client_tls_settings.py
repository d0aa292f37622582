"""ClientTLSSettings → the TLS a client speaks to a cluster.

ISTIO_MUTUAL uses the workload's own certificate; SIMPLE and MUTUAL take files or a credential, and check the
server against the system's roots when no others are named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.protocol_pb2 import UpstreamHttpProtocolOptions
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, TlsParameters
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings
from miniistiod.translate.gateway.credential import credential
from miniistiod.vocab import metadata_exchange, sds

H2 = "h2"
IN_MESH = "istio"
"""The ALPN by which a server knows a client of the mesh."""


@dataclass(frozen=True, slots=True)
class TlsClient:
    """What the settings of a client's TLS depend on beside themselves.

    `server_name` is the SNI for ISTIO_MUTUAL when none is given, "" for a cluster whose hosts are known only
    with the request. `identities` are the server's names in place of absent subjectAltNames. The two sockets
    are SDS servers in the client's Pod.
    """

    server_name: str = ""
    http2: bool = False
    identities: tuple[str, ...] = ()
    file_socket: bool = False
    credential_socket: bool = False
    defaults: MeshConfig.TLSConfig | None = None


def client_tls_settings(settings: ClientTLSSettings, client: TlsClient) -> UpstreamTlsContext | None:
    """The context; None for plain text, and for MUTUAL without both of its files."""
    match settings.mode:
        case ClientTLSSettings.ISTIO_MUTUAL:
            return _istio_mutual(settings, client)
        case ClientTLSSettings.SIMPLE:
            return _originated(settings, client)
        case ClientTLSSettings.MUTUAL:
            usable = settings.credential_name or (settings.client_certificate and settings.private_key)
            return _originated(settings, client) if usable else None
    return None


def names_from_request(
    settings: ClientTLSSettings, dynamic: bool = False
) -> UpstreamHttpProtocolOptions | None:
    """Whether Envoy takes the SNI, and the name it checks, from the request's host.

    `dynamic`: a cluster whose hosts are known only with the request; there the name is always checked.
    """
    originates = settings.mode in (ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL)
    if not originates and not (dynamic and settings.mode == ClientTLSSettings.ISTIO_MUTUAL):
        return None
    sni = not settings.sni
    checks = dynamic or (sni and not settings.subject_alt_names)
    checks = checks and not settings.insecure_skip_verify.value
    return UpstreamHttpProtocolOptions(auto_sni=sni, auto_san_validation=checks) if sni or checks else None


def _istio_mutual(settings: ClientTLSSettings, client: TlsClient) -> UpstreamTlsContext:
    return UpstreamTlsContext(
        sni=settings.sni or client.server_name,
        common_tls_context=CommonTlsContext(
            tls_params=_parameters(),
            tls_certificate_sds_secret_configs=[sds.agent_secret(sds.WORKLOAD)],
            combined_validation_context=_validation(settings.subject_alt_names, sds.agent_secret(sds.ROOT)),
            alpn_protocols=[metadata_exchange.ALPN, IN_MESH, *([H2] if client.http2 else [])],
        ),
    )


def _originated(settings: ClientTLSSettings, client: TlsClient) -> UpstreamTlsContext:
    secrets = _credential_secrets if settings.credential_name else _file_secrets
    context = CommonTlsContext(
        tls_params=_parameters(client.defaults), alpn_protocols=[H2] if client.http2 else []
    )
    context.MergeFrom(secrets(settings, client))
    return UpstreamTlsContext(sni=settings.sni, common_tls_context=context)


def _credential_secrets(settings: ClientTLSSettings, client: TlsClient) -> CommonTlsContext:
    name, socket = settings.credential_name, client.credential_socket
    context = CommonTlsContext()
    if settings.mode == ClientTLSSettings.MUTUAL:
        context.tls_certificate_sds_secret_configs.append(credential(name, socket=socket))
    if not settings.insecure_skip_verify.value:
        roots = credential(name + sds.CA_SUFFIX, socket=socket)
        context.combined_validation_context.CopyFrom(_validation(_names(settings, client), roots))
    return context


def _file_secrets(settings: ClientTLSSettings, client: TlsClient) -> CommonTlsContext:
    server = sds.FILES if client.file_socket else sds.AGENT
    context = CommonTlsContext()
    if settings.mode == ClientTLSSettings.MUTUAL:
        name = sds.certificate_file(settings.client_certificate, settings.private_key)
        context.tls_certificate_sds_secret_configs.append(sds.agent_secret(name, server))
    if settings.insecure_skip_verify.value:
        context.validation_context.SetInParent()
    else:
        roots = sds.agent_secret(sds.root_file(settings.ca_certificates or sds.SYSTEM_ROOTS), server)
        names = _names(settings, client)
        context.combined_validation_context.CopyFrom(_validation(names, roots, settings.ca_crl))
    return context


def _names(settings: ClientTLSSettings, client: TlsClient) -> Iterable[str]:
    return settings.subject_alt_names or client.identities


def _validation(
    names: Iterable[str], roots: SdsSecretConfig, revoked: str = ""
) -> CommonTlsContext.CombinedCertificateValidationContext:
    return CommonTlsContext.CombinedCertificateValidationContext(
        default_validation_context=CertificateValidationContext(
            match_subject_alt_names=[StringMatcher(exact=name) for name in names],
            crl=DataSource(filename=revoked) if revoked else None,
        ),
        validation_context_sds_secret_config=roots,
    )


def _parameters(defaults: MeshConfig.TLSConfig | None = None) -> TlsParameters:
    return TlsParameters(
        tls_minimum_protocol_version=TlsParameters.TLSv1_2,
        tls_maximum_protocol_version=TlsParameters.TLSv1_3,
        ecdh_curves=defaults.ecdh_curves if defaults is not None else [],
        cipher_suites=defaults.cipher_suites if defaults is not None else [],
    )
