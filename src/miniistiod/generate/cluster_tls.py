"""Which TLS a client speaks to a cluster, and the transport sockets it takes for that.

A rule's settings come first. Without them mutual TLS is spoken to every endpoint that says it can, as long as
nobody has switched it off.
"""

from __future__ import annotations

from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings, TrafficPolicy
from miniistiod.generate.cluster_client import CertificateFiles, ClusterClient
from miniistiod.translate.destination_rule.client_tls_settings import TlsClient, client_tls_settings
from miniistiod.translate.destination_rule.proxy_protocol import proxy_protocol
from miniistiod.vocab import transport_socket

DISABLE, SIMPLE, MUTUAL = ClientTLSSettings.DISABLE, ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL
ISTIO_MUTUAL = ClientTLSSettings.ISTIO_MUTUAL

PUBLIC_CREDENTIAL = "configmap://"
"""A credential that anybody may read."""


class TlsChoice(NamedTuple):
    """The settings in force, None for plain text. `detected`: nobody asked, so each endpoint decides."""

    settings: ClientTLSSettings | None = None
    detected: bool = False


PLAIN = TlsChoice()


def tls_choice(
    asked: ClientTLSSettings | None,
    *,
    offers_mutual: bool,
    external: bool,
    identities: tuple[str, ...],
    server_name: str,
    certificate: CertificateFiles | None = None,
) -> TlsChoice:
    """The TLS for a cluster. `offers_mutual`: its endpoints may speak mutual TLS and nobody switched it off.

    `identities` and `server_name` are those that the mesh knows the service by.
    """
    if asked is None:
        if external or not offers_mutual:
            return PLAIN
        return TlsChoice(_mutual(ClientTLSSettings(), identities, server_name, certificate), True)
    if asked.mode in (DISABLE, SIMPLE) or (certificate is not None and external):
        return TlsChoice(asked)
    if certificate is not None:
        return TlsChoice(_mutual(asked, (), "", certificate))
    return TlsChoice(_mutual(asked, identities, server_name, None) if asked.mode == ISTIO_MUTUAL else asked)


def withheld(tls: ClientTLSSettings | None, client: ClusterClient, for_some: bool) -> bool:
    """Whether a sidecar may not see the credential: the rule is for all clients, not for some it selects."""
    return (
        tls is not None
        and tls.mode in (SIMPLE, MUTUAL)
        and tls.credential_name != ""
        and not tls.credential_name.startswith(PUBLIC_CREDENTIAL)
        and not client.router
        and not for_some
    )


def tls_context(
    choice: TlsChoice,
    client: ClusterClient,
    *,
    server_name: str,
    http2: bool,
    identities: tuple[str, ...] = (),
    defaults: MeshConfig.TLSConfig | None = None,
) -> UpstreamTlsContext | None:
    """What is spoken. `identities` stand in for the names of a server outside of the mesh."""
    if choice.settings is None:
        return None
    traits = TlsClient(
        server_name=server_name,
        http2=http2,
        identities=identities,
        file_socket=client.file_socket,
        credential_socket=client.credential_socket,
        defaults=defaults,
    )
    return client_tls_settings(choice.settings, traits)


def sockets(
    choice: TlsChoice,
    context: UpstreamTlsContext | None,
    original_destination: bool,
    told: TrafficPolicy.ProxyProtocol | None,
) -> Cluster:
    """A cluster of only its transport sockets. An original destination has no metadata to choose by."""
    if context is None:
        return Cluster(transport_socket=proxy_protocol(told) if told is not None else None)
    tls = transport_socket.tls(context)
    detected = choice.detected and choice.settings is not None and choice.settings.mode == ISTIO_MUTUAL
    if original_destination or not detected:
        return Cluster(transport_socket=proxy_protocol(told, tls) if told is not None else tls)
    return Cluster(transport_socket_matches=_by_endpoint(tls, told))


def _by_endpoint(
    tls: TransportSocket, told: TrafficPolicy.ProxyProtocol | None
) -> list[Cluster.TransportSocketMatch]:
    matches = transport_socket.matches_by_endpoint(tls)
    if told is None:
        return matches
    return [
        Cluster.TransportSocketMatch(
            name=each.name, match=each.match, transport_socket=proxy_protocol(told, each.transport_socket)
        )
        for each in matches
    ]


def _mutual(
    asked: ClientTLSSettings,
    identities: tuple[str, ...],
    server_name: str,
    certificate: CertificateFiles | None,
) -> ClientTLSSettings:
    """Mutual TLS with the mesh's certificate, or with the one the proxy's metadata names."""
    settings = ClientTLSSettings(
        mode=ISTIO_MUTUAL,
        sni=asked.sni or server_name,
        subject_alt_names=asked.subject_alt_names or identities,
        insecure_skip_verify=asked.insecure_skip_verify if asked.HasField("insecure_skip_verify") else None,
    )
    if certificate is not None:
        chain, key, roots = certificate
        settings.MergeFrom(
            ClientTLSSettings(mode=MUTUAL, client_certificate=chain, private_key=key, ca_certificates=roots)
        )
    return settings
