"""The listener filters: what looks at a connection before a filter chain is chosen for it.

An inspector waits for the client's first bytes, which a server-first protocol never sends; so each is there
only where a chain needs it, and is switched off port by port elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.listener.v3.listener_components_pb2 import FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_components_pb2 import ListenerFilterChainMatchPredicate as Predicate
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import OriginalDst
from envoy.extensions.filters.listener.original_src.v3.original_src_pb2 import OriginalSrc
from envoy.extensions.filters.listener.proxy_protocol.v3.proxy_protocol_pb2 import ProxyProtocol
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.type.v3.range_pb2 import Int32Range
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.translate.peer_authentication.chain_match import PLAIN_HTTP, TLS
from miniistiod.vocab.packing import packed


def _named(name: str, config: Message) -> ListenerFilter:
    return ListenerFilter(name=f"envoy.filters.listener.{name}", typed_config=packed(config))


ORIGINAL_DST = _named("original_dst", OriginalDst())
ORIGINAL_SRC = _named("original_src", OriginalSrc(mark=1337))
"""The mark keeps Envoy's own packets from being captured again (TPROXY)."""

TLS_INSPECTOR = _named("tls_inspector", TlsInspector(initial_read_buffer_size=UInt32Value(value=512)))
HTTP_INSPECTOR = _named("http_inspector", HttpInspector())
PROXY_PROTOCOL = _named("proxy_protocol", ProxyProtocol())


def inbound_filters(
    chains: Iterable[FilterChain], *, captured: bool, transparent: bool
) -> list[ListenerFilter]:
    """`captured`: connections were redirected here, so their destination has to be found first."""
    tls, http = _inspected(chains)
    found = [ORIGINAL_DST] if captured else []
    if captured and transparent:
        found.append(ORIGINAL_SRC)
    if any(tls.values()):
        found.append(_tls_inspector(tls))
    if any(http.values()):  # after the TLS inspector: what that found to be TLS is left alone
        found.append(_except_on(HTTP_INSPECTOR, [port for port, needed in http.items() if not needed]))
    return found


def _inspected(chains: Iterable[FilterChain]) -> tuple[dict[int, bool], dict[int, bool]]:
    """By port (0: any other), whether a chain needs the TLS inspector, and the HTTP inspector."""
    tls: dict[int, bool] = {}
    http: dict[int, bool] = {}
    for chain in chains:
        match = chain.filter_chain_match
        port = match.destination_port.value
        tls[port] = tls.get(port, False) or match.transport_protocol == TLS
        http[port] = http.get(port, False) or bool({*PLAIN_HTTP} & {*match.application_protocols})
    return tls, http


def _tls_inspector(needed: dict[int, bool]) -> ListenerFilter:
    """Everywhere but on the ports without TLS; or, if only some ports have it, on these alone."""
    if needed.get(0, False):
        return _except_on(TLS_INSPECTOR, [port for port, wanted in needed.items() if port and not wanted])
    wanted_on = [port for port, wanted in needed.items() if port and wanted]
    return ListenerFilter(
        name=TLS_INSPECTOR.name,
        typed_config=TLS_INSPECTOR.typed_config,
        filter_disabled=Predicate(not_match=_on(wanted_on)),
    )


def _except_on(inspector: ListenerFilter, ports: list[int]) -> ListenerFilter:
    if not ports:
        return inspector
    return ListenerFilter(
        name=inspector.name, typed_config=inspector.typed_config, filter_disabled=_on(ports)
    )


def _on(ports: list[int]) -> Predicate:
    ranges = [
        Predicate(destination_port_range=Int32Range(start=port, end=port + 1)) for port in sorted(ports)
    ]
    return ranges[0] if len(ranges) == 1 else Predicate(or_match=Predicate.MatchSet(rules=ranges))
