"""Dynamic forward proxies: the DNS caches that filters and clusters share by name, and the filters of TCP."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, SocketAddress
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.sni_dynamic_forward_proxy_pb2 import (
    FilterConfig as SniProxy,
)
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import CaresDnsResolverConfig
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.generate.bindings import Bindings
from miniistiod.mesh.service import Service
from miniistiod.vocab.packing import packed

ALLOW_ANY_CACHE = "allow_any_dfp_dns_cache"
"""The cache of hosts that no service has (ALLOW_ANY_DYNAMIC_DNS)."""

MAX_HOSTS = 1024
LOCAL_DNS = "127.0.0.1:15053"
"""Where the agent's DNS server listens unless the proxy says otherwise."""


def dns_family(bound: Bindings) -> int:
    """IPv6 only for a proxy that has nothing else."""
    return int(Cluster.V4_ONLY if bound.ipv4 else Cluster.V6_ONLY)


def service_dns_cache(service: Service) -> str:
    """The name of the cache of a wildcard service."""
    return f"{service.hostname}_dfp_dns_cache"


def sni_proxy(service: Service, port: int, family: int) -> SniProxy:
    """Resolves the host in the SNI of a connection to a wildcard service."""
    cache = DnsCacheConfig(name=service_dns_cache(service), dns_lookup_family=family)
    return SniProxy(dns_cache_config=cache, port_value=port)


def allow_any_cache(family: int, resolver: str) -> DnsCacheConfig:
    """The cache of unknown hosts; `resolver` is the agent's DNS server (HOST:PORT), "" the system's own."""
    made = DnsCacheConfig(
        name=ALLOW_ANY_CACHE, dns_lookup_family=family, max_hosts=UInt32Value(value=MAX_HOSTS)
    )
    if resolver:
        made.typed_dns_resolver_config.CopyFrom(
            TypedExtensionConfig(
                name="envoy.network.dns_resolver.cares",
                typed_config=packed(CaresDnsResolverConfig(resolvers=[_resolver(resolver)])),
            )
        )
    return made


def _resolver(place: str) -> Address:
    host, colon, port = place.rpartition(":")
    if not colon:
        host, _, port = LOCAL_DNS.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    number = int(port) if port.isdecimal() else 15053
    return Address(socket_address=SocketAddress(address=host, port_value=number))
