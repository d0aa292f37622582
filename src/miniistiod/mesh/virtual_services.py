"""VirtualServices as the mesh applies them: names in full, delegates merged, the oldest first.

In go the documents; out comes an index by gateway and namespace, and which of several rules a service obeys.
Source: Istio's virtualservice_controller.go and sidecar.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from miniistiod.api.istio.networking.virtual_service_pb2 import (
    Destination,
    HTTPMatchRequest,
    HTTPMirrorPolicy,
    HTTPRoute,
    HTTPRouteDestination,
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
    VirtualService,
)
from miniistiod.config.objects import Object
from miniistiod.mesh.delegates import delegated
from miniistiod.mesh.hosts import full_name, is_wildcard, most_specific
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings

MESH = "mesh"
"""The gateway that stands for all sidecars."""

SEMANTICS = "internal.istio.io/route-semantics"
Document = Object[VirtualService]


@dataclass(frozen=True, slots=True, eq=False)
class MergedVirtualService:
    """One VirtualService in force. The same object until it, a delegate of it or the mesh's settings change.

    `message` is the document's with its names in full and its delegates' rules in their place; `sources` are
    the document and those delegates. `export_to` are namespaces, "*" or "~".
    """

    origin: Document
    message: VirtualService
    export_to: frozenset[str]
    sources: tuple[Document, ...]

    @property
    def name(self) -> str:
        """metadata.name of the document."""
        return self.origin.name

    @property
    def namespace(self) -> str:
        """metadata.namespace of the document."""
        return self.origin.namespace

    @property
    def gateways(self) -> tuple[str, ...]:
        """NAMESPACE/NAME of each gateway it is bound to, or MESH."""
        return tuple(self.message.gateways) or (MESH,)

    @property
    def gateway_api(self) -> bool:
        """Whether it was made from a route of the Gateway API, which means some fields in another way."""
        return self.origin.annotations.get(SEMANTICS) == "gateway"


@dataclass(frozen=True, slots=True, eq=False)
class VirtualServiceIndex:
    """All rules in force, and those that each namespace sees at each gateway."""

    rules: tuple[MergedVirtualService, ...]
    public: Mapping[str, tuple[MergedVirtualService, ...]]
    exported: Mapping[tuple[str, str], tuple[MergedVirtualService, ...]]

    def at(self, namespace: str, gateway: str = MESH) -> tuple[MergedVirtualService, ...]:
        """What a proxy of this namespace obeys at this gateway: the namespace's own rules, then those others
        export to it, then the public ones; each the oldest first. The namespace's own routes of the Gateway
        API come before other public ones, and in the mesh before others of either group."""
        own, public = self.exported.get((namespace, gateway), ()), self.public.get(gateway, ())
        if gateway == MESH:
            own = _own_routes_first(own, namespace)
        return own + _own_routes_first(public, namespace)


def _own_routes_first(
    rules: tuple[MergedVirtualService, ...], namespace: str
) -> tuple[MergedVirtualService, ...]:
    return tuple(sorted(rules, key=lambda r: not (r.gateway_api and r.namespace == namespace)))


@kept
def virtual_service_index(documents: tuple[Document, ...], settings: MeshSettings) -> VirtualServiceIndex:
    """The index of these documents. Those without hosts are delegates and only count where one names them."""
    delegates = {(d.namespace, d.name): d for d in documents if not d.message.hosts}
    roots = sorted((d for d in documents if d.message.hosts), key=lambda d: d.age)
    rules = tuple(rules_of(root, _named_delegates(root, delegates), settings) for root in roots)
    public: defaultdict[str, list[MergedVirtualService]] = defaultdict(list)
    private: defaultdict[tuple[str, str], list[MergedVirtualService]] = defaultdict(list)
    foreign: defaultdict[tuple[str, str], list[MergedVirtualService]] = defaultdict(list)
    for rule in rules:
        for gateway in rule.gateways:
            if "*" in rule.export_to:
                public[gateway].append(rule)
            elif "~" not in rule.export_to:
                for namespace in rule.export_to:
                    own = private if namespace == rule.origin.namespace else foreign
                    own[namespace, gateway].append(rule)
    exported = {key: (*private[key], *foreign[key]) for key in [*private, *foreign]}
    return VirtualServiceIndex(rules, {gateway: tuple(r) for gateway, r in public.items()}, exported)


def _named_delegates(
    root: Document, delegates: Mapping[tuple[str, str], Document]
) -> tuple[Document | None, ...]:
    """For each rule that delegates, the delegate or None."""
    return tuple(
        delegates.get((rule.delegate.namespace or root.namespace, rule.delegate.name))
        for rule in root.message.http
        if rule.HasField("delegate")
    )


@kept
def rules_of(
    root: Document, delegates: tuple[Document | None, ...], settings: MeshSettings
) -> MergedVirtualService:
    """The rules of one document; `delegates` are those of its delegating rules, in their order."""
    message = root.message if _is_gateway_api(root) else resolved(root, settings.domain)
    if delegates:
        rules = _with_delegates(root, message, delegates, settings)
        message.ClearField("http")
        message.http.extend(rules)
    sources = (root, *dict.fromkeys(d for d in delegates if d is not None))
    return MergedVirtualService(root, message, export_to(root, settings), sources)


def _with_delegates(
    root: Document, message: VirtualService, delegates: Iterable[Document | None], settings: MeshSettings
) -> list[HTTPRoute]:
    """The rules with delegates' rules in their place. One that is missing, or not exported to the root's
    namespace, drops the rule that names it."""
    remaining = iter(delegates)
    rules: list[HTTPRoute] = []
    for rule in message.http:
        if not rule.HasField("delegate"):
            rules.append(rule)
            continue
        delegate = next(remaining)
        if delegate is not None and {"*", root.namespace} & export_to(delegate, settings):
            rules += delegated(rule, resolved(delegate, settings.domain).http)
    return rules


def export_to(document: Document, settings: MeshSettings) -> frozenset[str]:
    """Where the document counts, with its own namespace by name."""
    exports = document.message.export_to or settings.virtual_service_export_to
    return frozenset(document.namespace if namespace == "." else namespace for namespace in exports)


def resolved(document: Document, domain: str) -> VirtualService:
    """A copy of the message with hosts and gateways in full."""
    message = VirtualService()
    message.CopyFrom(document.message)
    namespace = document.namespace
    message.hosts[:] = [full_name(host, namespace, domain) for host in message.hosts]
    message.gateways[:] = [gateway_name(gateway, namespace) for gateway in message.gateways]
    for match in _matches(message):
        match.gateways[:] = [gateway_name(gateway, namespace) for gateway in match.gateways]
    for destination in _destinations(message):
        destination.host = full_name(destination.host, namespace, domain)
    return message


def _matches(message: VirtualService) -> Iterator[HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes]:
    for http in message.http:
        yield from http.match
    for tls in message.tls:
        yield from tls.match
    for tcp in message.tcp:
        yield from tcp.match


def _destinations(message: VirtualService) -> Iterator[Destination]:
    targets: list[HTTPRouteDestination | HTTPMirrorPolicy | RouteDestination] = []
    for http in message.http:
        targets += [*http.route, *http.mirrors]
        if http.HasField("mirror"):
            yield http.mirror
    for tls in message.tls:
        targets += tls.route
    for tcp in message.tcp:
        targets += tcp.route
    yield from (target.destination for target in targets if target.HasField("destination"))


def gateway_name(gateway: str, namespace: str) -> str:
    """NAMESPACE/NAME of a gateway, also from the old form NAME.NAMESPACE.svc.DOMAIN."""
    if gateway == MESH:
        return gateway
    if "/" in gateway:
        before, _, name = gateway.partition("/")
        return f"{namespace}/{name}" if before == "." else gateway
    name, _, rest = gateway.partition(".")
    return f"{rest.split('.')[0] or namespace}/{name}"


def governing(hosts: Iterable[str], rules: Iterable[MergedVirtualService]) -> dict[str, MergedVirtualService]:
    """For each of these hosts the rules that name it most narrowly; the first of several."""
    exact: dict[str, MergedVirtualService] = {}
    wildcard: dict[str, MergedVirtualService] = {}
    for rule in rules:
        for host in rule.message.hosts:
            (wildcard if is_wildcard(host) else exact).setdefault(host, rule)
    found = ((host, most_specific(host, exact, wildcard)) for host in hosts)
    return {host: rule for host, rule in found if rule is not None}


def _is_gateway_api(document: Document) -> bool:
    return document.annotations.get(SEMANTICS) == "gateway"
