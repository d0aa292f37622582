"""The network filters of a TCP chain: one ordered tuple, with the reason of each place in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.mongo_proxy.v3.mongo_proxy_pb2 import MongoProxy
from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3 import sni_dynamic_forward_proxy_pb2
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.any_pb2 import Any

from miniistiod.generate.extension_filters import NetworkPhases, Phase, network_phases
from miniistiod.generate.http_filters import STATS
from miniistiod.mesh.extensions import Extensions
from miniistiod.vocab import metadata_exchange as exchange
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import packed
from miniistiod.vocab.protocol import Protocol


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTraits:
    """What all TCP chains of one side of a proxy have in common.

    `extensions`: it is an Envoy with Istio's filters. `proxy` is what every tcp_proxy says (logs, timeout).
    `added` is what users bring.
    """

    side: ListenerClass
    extensions: bool
    stats: tuple[Any, ...] = ()
    custom: tuple[Filter, ...] = ()
    local: tuple[Filter, ...] = ()
    proxy: TcpProxy | None = None
    added: Extensions = ()


@dataclass(frozen=True, slots=True, eq=False)
class TcpChain:
    """One chain: where it goes, and what else it needs on the way."""

    traits: NetworkTraits
    proxy: TcpProxy
    protocol: Protocol = Protocol.TCP
    exchange: bool = False
    port: int = 0
    sni_proxy: sni_dynamic_forward_proxy_pb2.FilterConfig | None = None


Filters = Iterable[Filter]


def network_filters(chain: TcpChain) -> list[Filter]:
    """The filters in their order."""
    return [network_filter for filters in ORDER for network_filter in filters(chain)]


def metadata_exchange(chain: TcpChain) -> Filters:
    """Istio's Envoys tell each other who they are before the first byte of the payload."""
    return exchange_filters(chain.traits.extensions and chain.exchange)


def custom_authorization(chain: TcpChain) -> Filters:
    """Policies that ask an external service."""
    return chain.traits.custom


def added_authentication(chain: TcpChain) -> Filters:
    """What users bring to find out who connects."""
    return _added(chain)[Phase.AUTHN]


def added_authorization(chain: TcpChain) -> Filters:
    """What users bring to decide."""
    return _added(chain)[Phase.AUTHZ]


def added_others(chain: TcpChain) -> Filters:
    """What users bring to count, and for anything else."""
    return (*_added(chain)[Phase.STATS], *_added(chain)[Phase.UNSPECIFIED])


def _added(chain: TcpChain) -> NetworkPhases:
    return network_phases(chain.traits.added, chain.traits.side, chain.port)


def authorization(chain: TcpChain) -> Filters:
    """Policies that Envoy decides by itself."""
    return chain.traits.local


def stats(chain: TcpChain) -> Filters:
    """Istio's own metrics."""
    return stats_filters(chain.traits)


def sni_forward_proxy(chain: TcpChain) -> Filters:
    """Resolves the name that the client asks for in TLS."""
    if chain.sni_proxy is not None:
        yield Filter(name=SNI_PROXY, typed_config=packed(chain.sni_proxy))


def mongo(chain: TcpChain) -> Filters:
    """Counts what it sees of MongoDB's protocol."""
    if chain.protocol is Protocol.MONGO:
        config = MongoProxy(stat_prefix=chain.proxy.stat_prefix)
        yield Filter(name="envoy.filters.network.mongo_proxy", typed_config=packed(config))


def tcp_proxy(chain: TcpChain) -> Filters:
    """Ends the chain: copies bytes to a cluster."""
    return (tcp_proxy_filter(chain.proxy, chain.traits),)


ORDER: tuple[Callable[[TcpChain], Filters], ...] = (
    metadata_exchange,  # first, so that what a policy refuses is still told by peer in the metrics
    custom_authorization,  # asked before the policies that Envoy decides
    added_authentication,  # before anybody decides
    added_authorization,  # may refuse what the policies would allow
    authorization,  # before anything is counted as served
    added_others,  # see what the policies let through
    stats,  # before the filters that end the chain
    sni_forward_proxy,  # the address must be known when tcp_proxy connects
    mongo,  # reads along, right before the end
    tcp_proxy,  # must be last
)


def exchange_filters(wanted: bool) -> tuple[Filter, ...]:
    """Metadata exchange, or nothing."""
    return (_EXCHANGE,) if wanted else ()


def stats_filters(traits: NetworkTraits) -> tuple[Filter, ...]:
    """One filter for each provider of Istio's metrics."""
    if not traits.extensions:
        return ()
    return tuple(Filter(name=STATS, typed_config=config) for config in traits.stats)


def tcp_proxy_filter(proxy: TcpProxy, traits: NetworkTraits | None = None) -> Filter:
    """tcp_proxy, with what all of this side's have in common where the chain does not say otherwise."""
    if traits is None or traits.proxy is None:
        return Filter(name=TCP_PROXY, typed_config=packed(proxy))
    whole = TcpProxy()
    whole.CopyFrom(traits.proxy)
    if proxy.HasField("idle_timeout"):
        whole.ClearField("idle_timeout")
    whole.MergeFrom(proxy)
    return Filter(name=TCP_PROXY, typed_config=packed(whole))


SNI_PROXY = "envoy.extensions.filters.network.sni_dynamic_forward_proxy"  # istiod's spelling
TCP_PROXY = "envoy.filters.network.tcp_proxy"
_EXCHANGE = Filter(name=exchange.NAME, typed_config=exchange.CONFIG)
