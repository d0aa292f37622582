"""The clusters every proxy of its kind has, whatever the mesh has in it: where unknown traffic goes."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import BindConfig, ExtraSourceAddress, SocketAddress
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions as Connections
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings, ConnectionPoolSettings
from miniistiod.generate.cluster_client import ClusterClient
from miniistiod.generate.cluster_dynamic import forward_proxy
from miniistiod.generate.cluster_fragments import (
    connect_timeout,
    exchange,
    http_options,
    joined,
    limits,
    stat_name,
)
from miniistiod.generate.cluster_tls import TlsChoice, sockets, tls_context, withheld
from miniistiod.generate.endpoint_groups import address
from miniistiod.generate.forward_proxies import allow_any_cache
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.destination_rule.client_tls_settings import names_from_request
from miniistiod.translate.destination_rule.http_protocol_options import http_protocol_options
from miniistiod.translate.destination_rule.upstream_protocol import client_protocol, http1
from miniistiod.vocab import cluster_name, sds

INBOUND_PASSTHROUGH = "InboundPassthroughCluster"
IDLE = Duration(seconds=300)

MAGIC_IPV4 = "127.0.0.6"
MAGIC_IPV6 = "::6"
"""Source addresses that the capture rules let out again; with any other a sidecar would meet itself."""

CREDENTIAL_SOCKET = "./var/run/secrets/credential-uds/socket"


def black_hole(settings: MeshSettings) -> Cluster:
    """Takes what may go nowhere: it never has an endpoint."""
    return Cluster(
        name=cluster_name.BLACK_HOLE,
        alt_stat_name=stat_name(cluster_name.BLACK_HOLE),
        type=Cluster.STATIC,
        connect_timeout=connect_timeout(settings),
    )


def passthrough(client: ClusterClient, settings: MeshSettings) -> Cluster:
    """Goes where the client wanted to go. The mesh's default limits hold, its ejection does not."""
    mesh = settings.config.default_traffic_policy
    pool = mesh.connection_pool if mesh.HasField("connection_pool") else None
    cluster = Cluster(
        name=cluster_name.PASSTHROUGH,
        alt_stat_name=stat_name(cluster_name.PASSTHROUGH),
        type=Cluster.ORIGINAL_DST,
        lb_policy=Cluster.CLUSTER_PROVIDED,
        filters=exchange(client.extensions),
        typed_extension_protocol_options=http_options(_follows_client(client)),
    )
    return joined(cluster, limits(pool, settings))


def inbound_passthrough(client: ClusterClient, settings: MeshSettings, ipv4: bool, ipv6: bool) -> Cluster:
    """The same for ports of the workload that no service has. It is counted under the other one's name."""
    cluster = passthrough(client, settings)
    cluster.name = INBOUND_PASSTHROUGH
    cluster.ClearField("filters")
    further = [ExtraSourceAddress(address=_any_port(MAGIC_IPV6))] if ipv4 and ipv6 else []
    cluster.upstream_bind_config.CopyFrom(
        BindConfig(
            source_address=_any_port(MAGIC_IPV4 if ipv4 else MAGIC_IPV6), extra_source_addresses=further
        )
    )
    return cluster


def allow_any_dynamic(
    client: ClusterClient, settings: MeshSettings, resolver: str, tls: ClientTLSSettings | None
) -> Cluster:
    """Finds unknown hosts by their name in the request (ALLOW_ANY_DYNAMIC_DNS)."""
    plain = tls is None or tls.mode == ClientTLSSettings.DISABLE
    used = None if plain or withheld(tls, client, False) else tls
    names = names_from_request(used, dynamic=True) if used is not None else None
    options = http_protocol_options(None, None, None, names) if names is not None else _follows_client(client)
    choice = TlsChoice(used)
    defaults = settings.config.tls_defaults if settings.config.HasField("tls_defaults") else None
    context = tls_context(choice, client, server_name="", http2=False, defaults=defaults)
    checked = names is not None and names.auto_sni and names.auto_san_validation
    insecure = plain or (used is not None and not checked)
    cluster = Cluster(
        name=cluster_name.ALLOW_ANY_DYNAMIC_DNS,
        alt_stat_name=stat_name(cluster_name.ALLOW_ANY_DYNAMIC_DNS),
        filters=exchange(client.extensions),
        typed_extension_protocol_options=http_options(options),
    )
    return joined(
        cluster,
        forward_proxy(allow_any_cache(client.dns_family, resolver), insecure=insecure),
        limits(ConnectionPoolSettings(), settings),
        sockets(choice, context, False, None),
    )


def external_sds(settings: MeshSettings) -> Cluster:
    """The SDS server behind a socket in the proxy's Pod."""
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    socket = LbEndpoint(endpoint=Endpoint(address=address(CREDENTIAL_SOCKET, 0)))
    return Cluster(
        name=sds.EXTERNAL,
        alt_stat_name=stat_name(sds.EXTERNAL),
        type=Cluster.STATIC,
        connect_timeout=connect_timeout(settings),
        load_assignment=ClusterLoadAssignment(
            cluster_name=sds.EXTERNAL, endpoints=[LocalityLbEndpoints(lb_endpoints=[socket])]
        ),
        typed_extension_protocol_options=http_options(HttpProtocolOptions(explicit_http_config=explicit)),
    )


def magic_source(ipv4: bool) -> BindConfig:
    """Lets connections to the workload itself past the capture rules."""
    return BindConfig(source_address=_any_port(MAGIC_IPV4 if ipv4 else MAGIC_IPV6))


def fixed_sidecar_clusters(
    client: ClusterClient, settings: MeshSettings, resolver: str | None
) -> Iterator[Cluster]:
    """What a sidecar has on its way out. `resolver` None: unknown hosts are not asked for by name."""
    yield black_hole(settings)
    yield passthrough(client, settings)
    if resolver is not None:
        policy = settings.config.outbound_traffic_policy
        tls = policy.tls if policy.HasField("tls") else None
        yield allow_any_dynamic(client, settings, resolver, tls)


def _follows_client(client: ClusterClient) -> HttpProtocolOptions:
    options = client_protocol(http1(preserves_case=client.preserves_case))
    options.common_http_protocol_options.CopyFrom(Connections(idle_timeout=IDLE))
    return options


def _any_port(host: str) -> SocketAddress:
    return SocketAddress(address=host, port_value=0)
