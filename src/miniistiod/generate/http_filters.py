"""The HTTP filters of every connection manager: one ordered tuple, with the reason of each place in it.

In come the choices made for one side of one proxy; out come its filters. Nothing else adds or orders them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import dynamic_forward_proxy_pb2
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.grpc_stats.v3 import config_pb2 as grpc_stats_pb2
from envoy.extensions.filters.http.grpc_web.v3.grpc_web_pb2 import GrpcWeb
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.http.set_filter_state.v3 import set_filter_state_pb2
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.envoy.alpn_pb2 import FilterConfig as Alpn
from miniistiod.generate.extension_filters import HttpPhases, Phase
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.packing import packed
from miniistiod.vocab.typed_struct import typed_struct

STATS = "istio.stats"


@dataclass(frozen=True, slots=True, eq=False)
class HttpChoices:
    """What was chosen for the connection managers of one side of one proxy.

    `extensions`: it is an Envoy with Istio's filters. `custom`, `jwt` and `local` are the policies' filters.
    `detected`: the listener has found out by itself that this is HTTP. `added` is what users bring, by phase.
    """

    side: ListenerClass
    extensions: bool
    exchange_only_in_mesh: bool = False
    custom: tuple[HttpFilter, ...] = ()
    jwt: tuple[HttpFilter, ...] = ()
    local: tuple[HttpFilter, ...] = ()
    stats: tuple[Any, ...] = ()
    grpc_web: bool = False
    detected: bool = False
    dns_caches: tuple[DnsCacheConfig, ...] = ()
    debug_headers: bool = True
    added: HttpPhases = field(default_factory=dict)


Filters = Iterable[HttpFilter]


def http_filters(choices: HttpChoices) -> list[HttpFilter]:
    """The filters in their order."""
    return [http_filter for filters in ORDER for http_filter in filters(choices)]


def metadata_exchange(choices: HttpChoices) -> Filters:
    """Headers by which Istio's Envoys tell each other who they are."""
    if choices.extensions:
        inbound = choices.side is ListenerClass.SIDECAR_INBOUND
        outbound = _EXCHANGE_IN_MESH if choices.exchange_only_in_mesh else _EXCHANGE_OUTBOUND
        yield _EXCHANGE_INBOUND if inbound else outbound


def custom_authorization(choices: HttpChoices) -> Filters:
    """Policies that ask an external service."""
    return choices.custom


def added_authentication(choices: HttpChoices) -> Filters:
    """What users bring to find out who asks."""
    return choices.added.get(Phase.AUTHN, ())


def jwt(choices: HttpChoices) -> Filters:
    """Tokens; a sidecar checks none on the way out."""
    return () if choices.side is ListenerClass.SIDECAR_OUTBOUND else choices.jwt


def added_authorization(choices: HttpChoices) -> Filters:
    """What users bring to decide."""
    return choices.added.get(Phase.AUTHZ, ())


def authorization(choices: HttpChoices) -> Filters:
    """Policies that Envoy decides by itself."""
    return choices.local


def added_others(choices: HttpChoices) -> Filters:
    """What users bring to count, and for anything else."""
    return (*choices.added.get(Phase.STATS, ()), *choices.added.get(Phase.UNSPECIFIED, ()))


def grpc_web(choices: HttpChoices) -> Filters:
    """Browsers' gRPC becomes gRPC."""
    return (_GRPC_WEB,) if choices.grpc_web else ()


def grpc_stats(choices: HttpChoices) -> Filters:
    """Counts messages in streams."""
    return (_GRPC_STATS,)


def alpn(choices: HttpChoices) -> Filters:
    """Says in the TLS handshake with another sidecar that HTTP follows."""
    if choices.side is ListenerClass.SIDECAR_INBOUND:
        return ()
    if choices.extensions:
        return (_ALPN,)
    return (_ALPN_STAND_IN,) if choices.detected else ()


def fault(choices: HttpChoices) -> Filters:
    """Does nothing until a route tells it to."""
    return (_FAULT,)


def cors(choices: HttpChoices) -> Filters:
    """Does nothing until a route tells it to."""
    return (_CORS,)


def stats(choices: HttpChoices) -> Filters:
    """Istio's own metrics."""
    if choices.extensions:
        return (HttpFilter(name=STATS, typed_config=config) for config in choices.stats)
    return ()


def dynamic_forward_proxy(choices: HttpChoices) -> Filters:
    """Resolves the host of a request whose cluster has no addresses of its own."""
    for cache in choices.dns_caches:
        config = dynamic_forward_proxy_pb2.FilterConfig(dns_cache_config=cache)
        yield HttpFilter(name="envoy.filters.http.dynamic_forward_proxy", typed_config=packed(config))


def router(choices: HttpChoices) -> Filters:
    """Ends the chain: sends the request on."""
    return (_ROUTER if choices.debug_headers else _QUIET_ROUTER,)


ORDER: tuple[Callable[[HttpChoices], Filters], ...] = (
    metadata_exchange,  # first, so that what a policy refuses is still told by peer in the metrics
    custom_authorization,  # an external answer may refuse what a token would allow, so it is asked first
    added_authentication,  # before the tokens are looked at
    jwt,  # before the policies that look at claims
    added_authorization,  # knows the claims, and may refuse what the policies would allow
    authorization,  # before anything that costs or answers
    added_others,  # even those that count see only what the policies let through, as in istiod
    grpc_web,  # before whatever counts gRPC
    grpc_stats,  # sees each request that the policies let through
    alpn,  # anywhere before the router, which opens the connection
    fault,  # an aborted request is still counted by stats, so before it
    cors,  # answers preflight requests, which are counted as well
    stats,  # after what may answer, before the router
    dynamic_forward_proxy,  # the host must be known when the router picks the connection
    router,  # must be last
)


def _exchange(fields: dict[str, object]) -> HttpFilter:
    return HttpFilter(
        name="istio.metadata_exchange",
        typed_config=typed_struct("io.istio.http.peer_metadata.Config", fields),
    )


_DISCOVERY: list[dict[str, object]] = [{"istio_headers": {}}, {"workload_discovery": {}}]
_EXCHANGE_INBOUND = _exchange(
    {"downstream_discovery": _DISCOVERY, "downstream_propagation": [{"istio_headers": {}}]}
)
_EXCHANGE_OUTBOUND = _exchange(
    {"upstream_discovery": _DISCOVERY, "upstream_propagation": [{"istio_headers": {}}]}
)
_EXCHANGE_IN_MESH = _exchange(
    {
        "upstream_discovery": _DISCOVERY,
        "upstream_propagation": [{"istio_headers": {"skip_external_clusters": True}}],
    }
)
_GRPC_WEB = HttpFilter(name="envoy.filters.http.grpc_web", typed_config=packed(GrpcWeb()))
_GRPC_STATS = HttpFilter(
    name="envoy.filters.http.grpc_stats",
    typed_config=packed(
        grpc_stats_pb2.FilterConfig(emit_filter_state=True, stats_for_all_methods=BoolValue(value=False))
    ),
)
_ALPN = HttpFilter(
    name="istio.alpn",
    typed_config=packed(
        Alpn(
            alpn_override=[
                Alpn.AlpnOverride(
                    upstream_protocol=Alpn.Protocol.HTTP10,
                    alpn_override=["istio-http/1.0", "istio", "http/1.0"],
                ),
                Alpn.AlpnOverride(
                    upstream_protocol=Alpn.Protocol.HTTP11,
                    alpn_override=["istio-http/1.1", "istio", "http/1.1"],
                ),
                Alpn.AlpnOverride(
                    upstream_protocol=Alpn.Protocol.HTTP2, alpn_override=["istio-h2", "istio", "h2"]
                ),
            ]
        )
    ),
)
# A stock Envoy has no istio.alpn. Where the protocol of a port is declared, its cluster's `istio` is enough
# for the peer's mutual TLS chains. Only a port with a detected protocol has one chain for HTTP and one for
# TCP, so only there the peer must be told. No real protocol is offered beside: then none is agreed upon, and
# the peer finds HTTP/1 or HTTP/2 by itself, as the client's cluster speaks whatever its own client spoke.
_ALPN_STAND_IN = HttpFilter(
    name="envoy.filters.http.set_filter_state",
    typed_config=packed(
        set_filter_state_pb2.Config(
            on_request_headers=[
                FilterStateValue(
                    object_key="envoy.network.application_protocols",
                    format_string=SubstitutionFormatString(
                        text_format_source=DataSource(inline_string="istio-http/1.1,istio")
                    ),
                )
            ]
        )
    ),
)
_FAULT = HttpFilter(name="envoy.filters.http.fault", typed_config=packed(HTTPFault()))
_CORS = HttpFilter(name="envoy.filters.http.cors", typed_config=packed(Cors()))
_ROUTER = HttpFilter(name="envoy.filters.http.router", typed_config=packed(Router()))
_QUIET_ROUTER = HttpFilter(
    name="envoy.filters.http.router", typed_config=packed(Router(suppress_envoy_headers=True))
)
