"""A client's view → the outbound listeners as values: which ports and addresses, and the chains of each.

Every service claims its ports, in the order of the egress listeners. Claims on one address and port are
merged: HTTP and TCP beside each other make Envoy detect which it is; of two chains that Envoy could not tell
apart the first stays. What an egress listener with a port has taken, the catch-all leaves alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from miniistiod.api.istio.networking.sidecar_pb2 import CaptureMode
from miniistiod.generate.bindings import UNIX, Bindings
from miniistiod.generate.cluster_discovery import is_dynamic
from miniistiod.generate.outbound_chains import Chain, Place, listen_address, tcp_chains
from miniistiod.generate.tcp_targets import TcpClient
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import UNSPECIFIED, Port, Registry, Resolution, Service, ServiceEndpoints
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.outbound import TcpListener, TcpView
from miniistiod.translate.peer_authentication.chain_match import PLAIN, PLAIN_HTTP
from miniistiod.vocab import protocol
from miniistiod.vocab.protocol import Protocol

SERVER_FIRST = (Protocol.MONGO, Protocol.MYSQL)
"""Detection would wait for ever, so these share a port only with their own kind."""

Headless = tuple[tuple[Service, ServiceEndpoints], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One outbound listener. Equal only to itself: equal content is the same object.

    `opens`: it opens its port itself, instead of taking over what is redirected. `origins` are the documents
    it was made from.
    """

    binds: tuple[str, ...]
    port: int
    opens: bool
    chains: tuple[Chain, ...]
    origins: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A service's port that got no chain of its own, since another service's was there first. A value."""

    service: Service
    port: Port
    first: Any
    server_first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """All of them, by whether they have HTTP chains. Equal only to itself, as Entry is."""

    http: tuple[Entry, ...]
    tcp: tuple[Entry, ...]
    dropped: tuple[Dropped, ...] = ()


@dataclass(slots=True)
class Draft:
    """A listener while claims are merged into it."""

    binds: tuple[str, ...]
    port: int
    protocol: Protocol
    opens: bool
    chains: list[Chain]
    origins: list[Any]
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What one service wants of one port: `binds` are empty where the service's own addresses are meant."""

    service: Service
    port: Port
    binds: tuple[str, ...]
    opens: bool
    rules: tuple[MergedVirtualService, ...]
    cidrs: tuple[str, ...] = ()


@dataclass(slots=True)
class Walk:
    """The claims of one view, merged one after the other."""

    client: TcpClient
    bindings: Bindings
    endpoints: dict[Service, ServiceEndpoints]
    own: str
    drafts: dict[tuple[str, int], Draft] = field(default_factory=dict)
    dropped: dict[Dropped, None] = field(default_factory=dict)


@kept
def outbound_entries(client: TcpClient, bindings: Bindings, headless: Headless, own: str) -> Entries:
    """The listeners of a view. `own` is the client's address if it is an endpoint of a headless service."""
    walk = Walk(client, bindings, dict(headless), own)
    for listener in client.view.listeners:
        claims = _catch_all(walk, listener) if listener.is_catch_all else _of_port(walk, listener)
        for claim in claims:
            _merge(walk, claim)
    found = (
        _entry(d.binds, d.port, d.opens, tuple(d.chains), tuple(dict.fromkeys(d.origins)))
        for d in walk.drafts.values()
    )
    entries = tuple(found)
    is_http = [any(chain.routes for chain in entry.chains) for entry in entries]
    http = tuple(entry for entry, yes in zip(entries, is_http, strict=True) if yes)
    tcp = tuple(entry for entry, yes in zip(entries, is_http, strict=True) if not yes)
    return _entries(http, tcp, tuple(walk.dropped))


@kept
def _entry(
    binds: tuple[str, ...], port: int, opens: bool, chains: tuple[Chain, ...], origins: tuple[Any, ...]
) -> Entry:
    return Entry(binds, port, opens, chains, origins)


@kept
def _entries(http: tuple[Entry, ...], tcp: tuple[Entry, ...], dropped: tuple[Dropped, ...]) -> Entries:
    return Entries(http, tcp, dropped)


@kept
def headless_services(view: TcpView) -> tuple[Service, ...]:
    """Those whose connections go to each of their Pods by its own address."""
    seen = dict.fromkeys(service for listener in view.listeners for service in listener.services)
    passed_on = (service for service in seen if service.resolution is Resolution.PASSTHROUGH)
    return tuple(s for s in passed_on if any(_by_pod(port.protocol) for port in s.ports))


def _by_pod(spoken: Protocol) -> bool:
    return spoken.is_tcp or spoken is Protocol.AUTO


def _opens(walk: Walk, listener: TcpListener) -> bool:
    """Without redirection every listener opens its port; with it, those that are told to, and sockets."""
    if not walk.bindings.captured:
        return True
    if listener.spec is None:
        return False
    return listener.spec.capture_mode == CaptureMode.NONE or listener.spec.bind.startswith(UNIX)


def _binds(walk: Walk, listener: TcpListener, opens: bool) -> tuple[str, ...]:
    if listener.spec is not None and listener.spec.bind:
        return (listener.spec.bind,)
    return walk.bindings.localhosts if opens else ()


def _of_port(walk: Walk, listener: TcpListener) -> Iterator[Claim]:
    """An egress listener with a port of its own: all its services claim that port."""
    spec = listener.spec
    if spec is None:
        return
    opens = _opens(walk, listener)
    binds = _binds(walk, listener, opens)
    port = Port(spec.port.name, spec.port.number, protocol.parsed(spec.port.protocol))
    if walk.bindings.free(port.number, binds[0] if binds else "", port.protocol, binds=opens):
        for service in listener.services:
            yield Claim(service, port, binds, opens, listener.virtual_services)


def _catch_all(walk: Walk, listener: TcpListener) -> Iterator[Claim]:
    """All other ports: each service claims those it has."""
    for draft in walk.drafts.values():
        draft.locked = True
    opens = _opens(walk, listener)
    binds = _binds(walk, listener, opens)
    for service in listener.services:
        for port in service.ports:
            if walk.bindings.free(port.number, binds[0] if binds else "", port.protocol, binds=opens):
                yield from _spread(walk, Claim(service, port, binds, opens, listener.virtual_services))


def _spread(walk: Walk, claim: Claim) -> Iterator[Claim]:
    """A headless service claims each address of its Pods, but the client's own, instead of all addresses."""
    service = claim.service
    endpoints = walk.endpoints.get(service)
    addressed = walk.client.addresses(service)[0] != UNSPECIFIED
    if claim.binds or endpoints is None or addressed or not _by_pod(claim.port.protocol):
        yield claim
        return
    instances = endpoints.in_cluster(claim.port)
    plain_entry = service.registry is Registry.EXTERNAL and not service.selector
    if plain_entry and not instances:
        yield claim
        return
    for instance in instances:
        addresses = instance.addresses or (instance.address,)
        if all(map(_is_address, addresses)) and addresses[0] != walk.own:
            yield replace(claim, binds=addresses)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _merge(walk: Walk, claim: Claim) -> None:
    """Put the claim into its listener, or make one for it."""
    spoken = claim.port.protocol
    if claim.service.resolution is Resolution.ALIAS or spoken is Protocol.UDP:
        return
    claim = _placed(walk, claim)
    key = (claim.binds[0], claim.port.number)
    draft = walk.drafts.get(key)
    if draft is None or spoken is Protocol.HTTP_PROXY:
        if draft is None or not draft.locked:
            walk.drafts[key] = _draft(walk, claim)
        return
    server_first = (spoken in SERVER_FIRST or draft.protocol in SERVER_FIRST) and spoken is not draft.protocol
    if server_first and not draft.locked:
        _drop(walk, claim, draft, server_first=True)
    if draft.locked or server_first:
        return
    if spoken is Protocol.AUTO and draft.protocol.is_http:
        walk.drafts[key] = _draft(walk, claim)
        return
    _merge_into(walk, draft, claim)


def _merge_into(walk: Walk, draft: Draft, claim: Claim) -> None:
    """HTTP beside HTTP adds nothing: hosts are told apart by routes. Kinds that differ make it detected."""
    spoken = claim.port.protocol
    if spoken.is_http and not draft.protocol.is_tcp:
        return
    detected_already = spoken is Protocol.AUTO and draft.protocol is Protocol.AUTO
    chains = _tcp(walk, claim) if detected_already else _chains(walk, claim)
    for chain in chains:
        rival = next((other for other in draft.chains if chain.conflicts(other)), None)
        if rival is None:
            draft.chains.append(chain)
        elif (rival.routes, rival.target) != (chain.routes, chain.target):
            _drop(walk, claim, draft)
    draft.origins.append(claim.service.origin)
    if not (spoken.is_tcp and not draft.protocol.is_http):
        draft.protocol = Protocol.AUTO


def _drop(walk: Walk, claim: Claim, draft: Draft, *, server_first: bool = False) -> None:
    """Remember a port without a chain. A headless Service loses nothing: both chains lead to the same Pod."""
    if claim.service.registry is Registry.EXTERNAL or claim.service.resolution is not Resolution.PASSTHROUGH:
        walk.dropped[Dropped(claim.service, claim.port, draft.origins[0], server_first)] = None


def _draft(walk: Walk, claim: Claim) -> Draft:
    spoken = claim.port.protocol
    proxied = spoken is Protocol.HTTP_PROXY
    on_wildcard = spoken.is_http and not proxied and claim.binds[0] == walk.bindings.wildcard
    return Draft(
        binds=claim.binds,
        port=claim.port.number,
        protocol=Protocol.AUTO if on_wildcard else spoken,
        opens=claim.opens,
        chains=_chains(walk, claim),
        origins=[claim.service.origin],
    )


def _placed(walk: Walk, claim: Claim) -> Claim:
    """The claim with its addresses: HTTP is on all of them; TCP on the service's own, a range by a match."""
    if claim.binds:
        return claim
    bound = walk.bindings
    if claim.port.protocol.is_http:
        return replace(claim, binds=bound.wildcards)
    first = listen_address(walk.client, claim.service)
    further = walk.client.addresses(claim.service)[1:]
    if claim.service.registry is Registry.EXTERNAL and first == UNSPECIFIED and len(bound.wildcards) > 1:
        further = (*further, "::")
    if "/" in first:
        return replace(claim, binds=bound.wildcards, cidrs=(first, *further))
    return replace(claim, binds=(first, *further))


def _chains(walk: Walk, claim: Claim) -> list[Chain]:
    """HTTP, TCP, or both where it is detected. HTTP on all addresses is only for what looks like HTTP."""
    spoken = claim.port.protocol
    if spoken is Protocol.AUTO:
        return [*_tcp(walk, claim), replace(_http(walk, claim), alpn=PLAIN_HTTP, transport=PLAIN)]
    if not spoken.is_http:
        return _tcp(walk, claim)
    chain = _http(walk, claim)
    if spoken is Protocol.HTTP_PROXY or claim.binds[0] != walk.bindings.wildcard:
        return [chain]
    return [replace(chain, alpn=PLAIN_HTTP, transport=PLAIN)]


def _http(walk: Walk, claim: Claim) -> Chain:
    """The route table: of the socket, of the one service with a detected protocol, or of the whole port."""
    number, bind, spoken = claim.port.number, claim.binds[0], claim.port.protocol
    dynamic = claim.service if is_dynamic(claim.service) else None
    if not number:
        return Chain(routes=bind, dynamic=dynamic, spoken=spoken)
    if spoken is Protocol.AUTO and bind != walk.bindings.wildcard:
        return Chain(routes=f"{claim.service.hostname}:{number}", dynamic=dynamic, spoken=spoken)
    return Chain(routes=str(number), dynamic=dynamic, spoken=spoken)


def _tcp(walk: Walk, claim: Claim) -> list[Chain]:
    port = claim.port
    place = Place(port.number, port.protocol, claim.binds[0], port.name, claim.cidrs)
    return tcp_chains(walk.client, claim.service, place, claim.rules)
