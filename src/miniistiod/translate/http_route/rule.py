"""HTTPRouteRule under one of its matches → HTTPRoute of a VirtualService."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from miniistiod.api.gatewayapi.gateway_pb2 import (
    BackendRef,
    HTTPBackendRef,
    HTTPRequestMirrorFilter,
    HTTPRouteFilter,
    HTTPRouteMatch,
    HTTPRouteRule,
)
from miniistiod.api.istio.networking.virtual_service_pb2 import (
    Destination,
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRoute,
    HTTPRouteDestination,
    Percent,
)
from miniistiod.translate.http_route.cors import cors
from miniistiod.translate.http_route.headers import REQUEST, RESPONSE, headers
from miniistiod.translate.http_route.match import match
from miniistiod.translate.http_route.redirect import redirect
from miniistiod.translate.http_route.retry import retries, timeout
from miniistiod.translate.http_route.rewrite import rewrite
from miniistiod.translate.http_route.unusable import Unusable

MIRROR = "RequestMirror"
KNOWN = {REQUEST, RESPONSE, MIRROR, "RequestRedirect", "URLRewrite", "CORS"}
NO_BACKEND = 500


class Backend(NamedTuple):
    """Where a backend is; not `usable` when it does not exist or may not be referred to."""

    destination: Destination
    usable: bool


Lookup = Callable[[BackendRef | HTTPBackendRef], Backend]


def rule(route_rule: HTTPRouteRule, route_match: HTTPRouteMatch, name: str, backend: Lookup) -> HTTPRoute:
    """The rule, under its own name or this one. Unusable when a part of it cannot be carried out.

    Without a backend of any weight the answer is a 500. A mirror that cannot be used is left out.
    """
    filters = {each.type: each for each in route_rule.filters}
    for kind in filters:
        if kind not in KNOWN:
            raise Unusable(f"filter type {kind!r} is not supported")
    redirected = filters.get("RequestRedirect")
    rewritten, shared = filters.get("URLRewrite"), filters.get("CORS")
    destinations = list(_destinations(route_rule.backend_refs, backend))
    answered = redirected is None and not destinations
    return HTTPRoute(
        name=route_rule.name or name,
        match=[match(route_match)],
        headers=headers(route_rule.filters),
        redirect=redirect(redirected.request_redirect) if redirected is not None else None,
        mirrors=list(_mirrors(route_rule.filters, backend)),
        rewrite=rewrite(rewritten.url_rewrite) if rewritten is not None else None,
        cors_policy=cors(shared.cors) if shared is not None else None,
        retries=retries(route_rule),
        timeout=timeout(route_rule),
        route=destinations,
        direct_response=HTTPDirectResponse(status=NO_BACKEND) if answered else None,
    )


def _destinations(backends: Iterable[HTTPBackendRef], lookup: Lookup) -> Iterator[HTTPRouteDestination]:
    """Those with a weight. The weight of a single one is needless."""
    weighted = [(each, each.weight if each.HasField("weight") else 1) for each in backends]
    weighted = [(each, weight) for each, weight in weighted if weight]
    for each, weight in weighted:
        for kind in (f.type for f in each.filters):
            if kind not in (REQUEST, RESPONSE):
                raise Unusable(f"filter type {kind!r} of a backend is not supported")
        yield HTTPRouteDestination(
            destination=lookup(each).destination,
            weight=weight if len(weighted) > 1 else 0,
            headers=headers(each.filters),
        )


def _mirrors(filters: Iterable[HTTPRouteFilter], lookup: Lookup) -> Iterator[HTTPMirrorPolicy]:
    for each in filters:
        if each.type == MIRROR:
            target = _mirrored(each.request_mirror, lookup)
            if target is not None:
                yield HTTPMirrorPolicy(destination=target, percentage=_share(each.request_mirror))


def _mirrored(mirror: HTTPRequestMirrorFilter, lookup: Lookup) -> Destination | None:
    """A backend that would make a rule unusable only makes its mirror disappear."""
    try:
        target = lookup(mirror.backend_ref)
    except Unusable:
        return None
    return target.destination if target.usable else None


def _share(mirror: HTTPRequestMirrorFilter) -> Percent | None:
    if mirror.HasField("fraction"):
        of = mirror.fraction.denominator if mirror.fraction.HasField("denominator") else 100
        return Percent(value=100 * mirror.fraction.numerator / of)
    return Percent(value=mirror.percent) if mirror.HasField("percent") else None
