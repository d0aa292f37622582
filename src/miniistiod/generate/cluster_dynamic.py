"""Clusters whose hosts are found in the requests: Envoy's dynamic forward proxy."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings
from miniistiod.generate.cluster_client import ClusterClient
from miniistiod.generate.forward_proxies import service_dns_cache
from miniistiod.mesh.service import Service
from miniistiod.translate.destination_rule.client_tls_settings import names_from_request
from miniistiod.vocab.packing import packed

NAME = "envoy.clusters.dynamic_forward_proxy"


def dynamic(service: Service, client: ClusterClient, tls: ClientTLSSettings | None) -> Cluster:
    """A cluster of only its type. Its DNS cache is shared with the HTTP filter by its name."""
    cache = DnsCacheConfig(name=service_dns_cache(service), dns_lookup_family=client.dns_family)
    return forward_proxy(cache, insecure=tls is not None and insecure(tls))


def forward_proxy(cache: DnsCacheConfig, *, insecure: bool) -> Cluster:
    """`insecure`: Envoy may leave out to take the SNI from the request or to check the server's name."""
    config = ClusterConfig(dns_cache_config=cache, allow_insecure_cluster_options=insecure)
    return Cluster(
        lb_policy=Cluster.CLUSTER_PROVIDED,
        cluster_type=Cluster.CustomClusterType(name=NAME, typed_config=packed(config)),
    )


def insecure(tls: ClientTLSSettings) -> bool:
    """Whether these settings leave one of the two out."""
    if tls.mode == ClientTLSSettings.DISABLE:
        return False
    names = names_from_request(tls, dynamic=True)
    return names is None or not (names.auto_sni and names.auto_san_validation)
