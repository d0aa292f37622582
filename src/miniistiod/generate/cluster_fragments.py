"""The parts of clusters that are the same wherever they stand: resolvers, EDS, filters, limits, names."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.cluster.v3.filter_pb2 import Filter
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import CaresDnsResolverConfig
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings, TrafficPolicy
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.destination_rule.circuit_breakers import circuit_breakers
from miniistiod.translate.destination_rule.http_protocol_options import KEY
from miniistiod.translate.destination_rule.tcp_keepalive import tcp_keepalive
from miniistiod.vocab import metadata_exchange
from miniistiod.vocab.packing import packed

RESOLVER = TypedExtensionConfig(
    name="envoy.network.dns_resolver.cares",
    typed_config=packed(CaresDnsResolverConfig(udp_max_queries=UInt32Value(value=100))),
)
DNS_JITTER = Duration(nanos=100_000_000)
"""So that not all clients ask at once."""

FOREVER = Duration(seconds=9_223_372_035)
"""The longest time Envoy can count."""


def stat_name(name: str) -> str:
    """The name a cluster is counted under; the delimiter tells metrics where it ends."""
    return f"{name};"


def eds(name: str) -> Cluster:
    """A cluster of only what says that its endpoints come over ADS. Envoy waits for them without a limit."""
    source = ConfigSource(
        ads=AggregatedConfigSource(), initial_fetch_timeout=Duration(), resource_api_version=ApiVersion.V3
    )
    return Cluster(
        type=Cluster.EDS,
        eds_cluster_config=Cluster.EdsClusterConfig(service_name=name, eds_config=source),
    )


def dns(type_: Cluster.DiscoveryType, family: Cluster.DnsLookupFamily, settings: MeshSettings) -> Cluster:
    """A cluster of only what says how its names are asked for in DNS."""
    return Cluster(
        type=type_,
        dns_lookup_family=family,
        dns_jitter=DNS_JITTER,
        dns_refresh_rate=settings.config.dns_refresh_rate
        if settings.config.HasField("dns_refresh_rate")
        else None,
        respect_dns_ttl=True,
        typed_dns_resolver_config=RESOLVER,
    )


def fixed(type_: Cluster.DiscoveryType, assignment: ClusterLoadAssignment) -> Cluster:
    """A cluster of only its type and the endpoints that it carries itself."""
    return Cluster(type=type_, load_assignment=assignment)


def limits(
    pool: ConnectionPoolSettings | None,
    settings: MeshSettings,
    budget: TrafficPolicy.RetryBudget | None = None,
) -> Cluster:
    """A cluster of only what limits its connections: numbers, time to connect, keepalive."""
    mesh = settings.config
    tcp = pool.tcp if pool is not None else ConnectionPoolSettings.TCPSettings()
    keepalive = tcp.tcp_keepalive if tcp.HasField("tcp_keepalive") else None
    return Cluster(
        circuit_breakers=circuit_breakers(pool, budget),
        connect_timeout=tcp.connect_timeout if tcp.HasField("connect_timeout") else connect_timeout(settings),
        upstream_connection_options=tcp_keepalive(
            keepalive, mesh.tcp_keepalive if mesh.HasField("tcp_keepalive") else None
        ),
    )


def connect_timeout(settings: MeshSettings) -> Duration | None:
    """The mesh's."""
    mesh = settings.config
    return mesh.connect_timeout if mesh.HasField("connect_timeout") else None


def exchange(extensions: bool) -> list[Filter]:
    """Istio's filter by which two proxies tell each other who they are, where the proxy has it."""
    if not extensions:
        return []
    return [Filter(name=metadata_exchange.NAME, typed_config=metadata_exchange.CONFIG)]


def http_options(options: HttpProtocolOptions | None) -> dict[str, Any]:
    """The value of typed_extension_protocol_options."""
    return {KEY: packed(options)} if options is not None else {}


def joined(*parts: Cluster) -> Cluster:
    """One cluster of all parts; what a later one says counts."""
    cluster = Cluster()
    for part in parts:
        cluster.MergeFrom(part)
    return cluster
