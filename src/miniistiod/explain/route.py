"""A proxy's scope and a request → which rule takes it, what becomes of it, why other rules do not take it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPMatchRequest, HTTPRoute
from miniistiod.explain.below_http import below_http
from miniistiod.explain.judgement import Explanation, Judged, shares
from miniistiod.explain.match import misses
from miniistiod.explain.request import Request
from miniistiod.explain.rules import Rule, rules_of
from miniistiod.generate.routes_gateway import bound
from miniistiod.mesh.hosts import specificity, subset_of
from miniistiod.mesh.virtual_services import MESH, MergedVirtualService
from miniistiod.proxy.gateway_servers import GatewayServer
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.virtual_service.match import is_catch_all, route_match


class Offer(NamedTuple):
    """One match of one rule, which a request may take; `match` None takes every request."""

    rule: Rule
    path: str
    match: HTTPMatchRequest | None

    @property
    def catch_all(self) -> bool:
        """Whether no request can pass it by."""
        return is_catch_all(route_match(self.match, self.rule.owner.gateway_api))


def at_gateway(scope: ProxyScope, request: Request, gateways: frozenset[str]) -> Explanation:
    """What a router does with what comes in at these Gateways (NAMESPACE/NAME)."""
    asked = [
        server
        for merged in scope.gateway.by_port.values()
        for server in merged.servers
        if server.gateway_name in gateways and request.port in (0, server.spec.port.number)
    ]
    http = [server for server in asked if server.is_http]
    if asked and not http:
        return below_http(scope, asked, request)
    encrypted = bool(http) and all(server.is_tls for server in http)
    return over_http(scope, replace(request, tls=request.tls or encrypted), gateways)


def over_http(scope: ProxyScope, request: Request, gateways_asked: frozenset[str]) -> Explanation:
    """The narrowest host decides, then the rules bound to it in their order. All Gateways of a router on one
    port are merged, so those of others count too.
    """
    hosts = served_hosts(scope, request)
    refused = tuple(
        Judged(server.gateway, "spec.servers", (f"this server is left out: {reason}",))
        for server, reason in scope.gateway.refused
    )
    covering = [host for host in hosts if subset_of(request.host.lower(), host)]
    chosen = hosts[min(covering, key=specificity)] if covering else {}
    gateways = frozenset(chosen.values())
    offers = [offer for rules in chosen for offer in offers_of(rules, scope, gateways, request.port)]
    found = decision(sorted(offers, key=lambda each: each.catch_all), scope, gateways, request)
    outcome = found.outcome if covering else nobody(scope, request)
    others = tuple(
        unasked(scope, chosen, gateways_asked, request, min(covering, key=specificity, default=""))
    )
    redirecting = next(redirects(scope, request), None)
    if redirecting is not None:
        return Explanation("301 to https, whatever the rules say", redirecting, (*refused, *others))
    return Explanation(outcome, found.taken, (*refused, *found.passed, *others))


def nobody(scope: ProxyScope, request: Request) -> str:
    """What a host gets that no rule is for: over TLS a name that no server has ends the handshake."""
    names = [name for server in http_servers(scope, request) for name in server.sni_hosts]
    if request.tls and not any(subset_of(request.host.lower(), name) for name in names):
        return "no TLS: no server of this gateway is for this name"
    return "404: no rule of this gateway is for this host"


def unasked(
    scope: ProxyScope,
    asked: Collection[MergedVirtualService],
    gateways: frozenset[str],
    request: Request,
    narrowest: str,
) -> Iterator[Judged]:
    """VirtualServices for this host, or bound to the Gateways that the user means, that were not asked."""
    host = request.host.lower()
    here = frozenset(scope.gateway.gateway_names)
    let_in = {
        rules: shared
        for server in http_servers(scope, request)
        for rules, shared in bound(server, scope.gateway)
    }
    for rules in scope.mesh.virtual_services.rules:
        named = any(subset_of(host, name) for name in rules.message.hosts)
        if rules in asked or not rules.message.http or not (named or gateways.intersection(rules.gateways)):
            continue
        path = "spec.hosts"
        if not here.intersection(rules.gateways):
            path, why = "spec.gateways", f"it is bound to {', '.join(rules.gateways)} only"
        elif not named:
            why = f"its hosts are {', '.join(rules.message.hosts)}"
        elif any(subset_of(host, shared) for shared in let_in.get(rules, ())):
            why = f"the rules for the narrower host {narrowest} come first"
        else:
            kind = "HTTPS" if request.tls else "HTTP"
            at = f" on port {request.port}" if request.port else ""
            why = f"its Gateway has no {kind} server{at} that lets this host in from its namespace"
        yield Judged(rules.origin, path, (why,))


def redirects(scope: ProxyScope, request: Request) -> Iterator[Judged]:
    """The servers with httpsRedirect that this plain request comes to."""
    for server in http_servers(scope, request):
        hosts = (host.rpartition("/")[2].lower() for host in server.hosts)
        if server.spec.tls.https_redirect and any(subset_of(request.host.lower(), host) for host in hosts):
            yield Judged(server.gateway, "spec.servers", ())


def http_servers(scope: ProxyScope, request: Request) -> Iterator[GatewayServer]:
    """The HTTP servers that the request may come to, encrypted ones for an encrypted request."""
    for merged in scope.gateway.by_port.values():
        for server in merged.servers:
            right_port = request.port in (0, server.spec.port.number)
            if server.is_http and right_port and request.tls == server.is_tls:
                yield server


def served_hosts(scope: ProxyScope, request: Request) -> dict[str, dict[MergedVirtualService, str]]:
    """The hosts a gateway knows at the request's port: the rules for each, with the gateway they came by."""
    hosts: dict[str, dict[MergedVirtualService, str]] = {}
    for server in http_servers(scope, request):
        for rules, shared in bound(server, scope.gateway):
            for host in shared:
                hosts.setdefault(host.lower(), {}).setdefault(rules, server.gateway_name)
    return hosts


def in_mesh(scope: ProxyScope, request: Request) -> Explanation:
    """What a sidecar does: one VirtualService rules a service's host, else it goes to the service itself."""
    services = scope.outbound.upstreams.by_host
    names = full_names(request.host.lower(), scope)
    host = next((name for name in names if name in services), request.host.lower())
    service = services.get(host)
    port = request.port or (service.ports[0].number if service is not None and service.ports else 80)
    listener = scope.outbound.listener(port)
    rules = _governing(listener.virtual_services, host) if listener is not None else None
    others = elsewhere(scope, () if rules is None else (rules,), host)
    if rules is None:
        to = f"to the service itself, {host}:{port}" if service else "as the mesh's outbound policy has it"
        return Explanation(f"no rule: {to}", None, others)
    asked = replace(request, host=host, port=port)
    mesh = frozenset({MESH})
    found = decision(list(offers_of(rules, scope, mesh, port)), scope, mesh, asked)
    return Explanation(found.outcome, found.taken, (*found.passed, *others))


def decision(
    offers: list[Offer], scope: ProxyScope, gateways: frozenset[str], request: Request
) -> Explanation:
    """The first match that holds, and the others with what keeps the request from them."""
    taken: Judged | None = None
    outcome = "404: no rule of this host takes it"
    passed: list[Judged] = []
    for rule, path, match in offers:
        why: tuple[str, ...] = ("an earlier rule takes the request",) if taken else ()
        if not taken and match is not None:
            away = misses(match, request, rule.owner.gateway_api)
            why = (*unfit(match, scope, gateways, request.port), *away)
        judged = Judged(rule.written, path, why, rule.http.name)
        if why:
            passed.append(judged)
        else:
            taken, outcome = judged, action(rule.http)
    return Explanation(outcome, taken, tuple(passed))


def elsewhere(scope: ProxyScope, asked: Collection[MergedVirtualService], host: str) -> tuple[Judged, ...]:
    """VirtualServices for this host that do not govern it in the mesh."""
    found = []
    for rules in scope.mesh.virtual_services.rules:
        if rules in asked or not any(subset_of(host, name) for name in rules.message.hosts):
            continue
        if MESH in rules.gateways:
            why, path = "a narrower or older rule has the host", "spec.hosts"
        else:
            why, path = f"it is bound to {', '.join(rules.gateways)} only", "spec.gateways"
        found.append(Judged(rules.origin, path, (why,)))
    return tuple(found)


def action(http: HTTPRoute) -> str:
    """What a rule does with a request."""
    if http.HasField("redirect"):
        return f"redirect: {http.redirect.redirect_code or 301}"
    if http.HasField("direct_response"):
        return f"answered by the proxy: {http.direct_response.status}"
    return f"to {shares(http.route)}"


def _governing(rules: Iterable[MergedVirtualService], host: str) -> MergedVirtualService | None:
    """The rules that name the host most narrowly; the first of several."""
    named = [(name, each) for each in rules for name in each.message.hosts if subset_of(host, name)]
    return min(named, key=lambda pair: specificity(pair[0]))[1] if named else None


def full_names(host: str, scope: ProxyScope) -> tuple[str, ...]:
    """What a short name may mean to this proxy's application, as its DNS would try."""
    domain, namespace = scope.settings.domain, scope.proxy.namespace
    return (host, f"{host}.{namespace}.svc.{domain}", f"{host}.svc.{domain}", f"{host}.{domain}")


def offers_of(
    rules: MergedVirtualService, scope: ProxyScope, gateways: frozenset[str], port: int
) -> Iterator[Offer]:
    """The matches of all rules, up to one that takes every request of this proxy."""
    for rule in rules_of(rules, scope.settings.domain):
        if not rule.http.match:
            yield Offer(rule, rule.path, None)
            return
        for number, match in enumerate(rule.http.match):
            offer = Offer(rule, f"{rule.path}.match[{number}]", match)
            yield offer
            if offer.catch_all and not any(unfit(match, scope, gateways, port)):
                return


def unfit(match: HTTPMatchRequest, scope: ProxyScope, gateways: frozenset[str], port: int) -> Iterator[str]:
    """What keeps a match from this proxy, whatever the request."""
    if port and match.port not in (0, port):
        yield f"the port is {port}, not {match.port}"
    if match.gateways:
        if not gateways.intersection(match.gateways):
            yield f"it is for {', '.join(match.gateways)} only"
        return
    labels = scope.labels
    yield from (
        f"the client has no label {key}={value}"
        for key, value in sorted(match.source_labels.items())
        if labels.get(key) != value
    )
    if match.source_namespace not in ("", scope.proxy.namespace):
        yield f"the client is in namespace {scope.proxy.namespace}, not {match.source_namespace}"
