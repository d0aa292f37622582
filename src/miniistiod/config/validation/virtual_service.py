"""VirtualService: hosts, gateways, exportTo, TLS and TCP routes; HTTP routes are in `http_route`.

Source: ValidateVirtualService in istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from miniistiod.api.istio.networking.virtual_service_pb2 import (
    HTTPMatchRequest,
    L4MatchAttributes,
    RouteDestination,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualService,
)
from miniistiod.config.objects import Object
from miniistiod.config.validation import headers, http_route, names, values
from miniistiod.config.validation.destinations import destination, weights
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.unreachable import unreachable

MESH = "mesh"


def rules(one: Object[VirtualService]) -> Findings:
    """Everything the webhook says about a VirtualService."""
    service = one.message
    at_gateway = bool(service.gateways) and MESH not in service.gateways
    yield from _delegate(service)
    yield from names.gateway_names(service.gateways, ("gateways",))
    yield from _hosts(service, at_gateway)
    yield from _some_route(service)
    for index, route in enumerate(service.http):
        yield from http_route.rules(route, ("http", index), delegate=not service.hosts)
        if not at_gateway:
            for number, match in enumerate(route.match):
                yield from _claims(match, ("http", index, "match", number))
    for index, tls in enumerate(service.tls):
        yield from _tls_route(tls, service, ("tls", index), at_gateway)
    for index, tcp in enumerate(service.tcp):
        yield from _tcp_route(tcp, ("tcp", index))
    yield from names.export_to(service.export_to, one.namespace)
    yield from unreachable(service)


def _delegate(service: VirtualService) -> Findings:
    """A VirtualService without hosts is one that another delegates to."""
    for field in ("gateways", "tls", "tcp") if not service.hosts else ():
        if getattr(service, field):
            message = f"{field} without hosts: without hosts it only takes over HTTP routes of another"
            yield from error((field,), message, f"add hosts, or remove {field}")


def _some_route(service: VirtualService) -> Findings:
    if not (service.http or service.tls or service.tcp):
        yield from error((), "there is no route", "write http, tls or tcp")


def _claims(match: HTTPMatchRequest, steps: Steps) -> Findings:
    for field, given in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
        for name in sorted(given):
            if headers.is_claim(name):
                message = f"{name}: claims of a JWT can only be matched at a gateway"
                yield from error(
                    (*steps, field, name), message, "bind it to a gateway by gateways, without mesh"
                )


def _hosts(service: VirtualService, at_gateway: bool) -> Findings:
    sni = any(match.sni_hosts for tls in service.tls for match in tls.match)
    good = True
    for index, host in enumerate(service.hosts):
        found = names.gateway_host(host, sni) if at_gateway else names.wildcard_host(host)
        if found is not None and not names.is_address(host):
            yield from at(("hosts", index), found)
            good = False
        elif host == "*" and not at_gateway:
            yield from error(
                ("hosts", index), "the host * is for gateways only", "name the hosts, or a gateway"
            )
            good = False
    if good:
        yield from _overlaps(service.hosts)


def _overlaps(hosts: Sequence[str]) -> Findings:
    for index, host in enumerate(hosts):
        for other in hosts[:index]:
            if names.matches(other, host):
                yield from error(("hosts", index), f"{host} and {other} overlap", "keep one of them")


def _tls_route(route: TLSRoute, service: VirtualService, steps: Steps, at_gateway: bool) -> Findings:
    if not route.match:
        yield from error(steps, "a TLS route needs a match", "add match with sniHosts")
    for index, match in enumerate(route.match):
        yield from _tls_match(match, service, (*steps, "match", index), at_gateway)
    yield from _l4_destinations(route.route, steps)


def _tls_match(
    match: TLSMatchAttributes, service: VirtualService, steps: Steps, at_gateway: bool
) -> Findings:
    if not match.sni_hosts:
        yield from error(steps, "a TLS match needs sniHosts", "add sniHosts")
    for index, host in enumerate(match.sni_hosts):
        yield from _sni_host(host, service, (*steps, "sniHosts", index), at_gateway)
    yield from l4_match(match, steps)


def _sni_host(host: str, service: VirtualService, steps: Steps, at_gateway: bool) -> Findings:
    found = names.gateway_host(host, sni=True) if at_gateway else names.wildcard_host(host)
    if found is not None and names.is_address(host):
        yield from warning(steps, f"{host} is an address; clients send names as SNI", "write the host name")
    elif found is not None:
        yield from at(steps, found)
    elif not any(names.within(host, whole) for whole in service.hosts):
        message = f"{host} is none of the hosts of this VirtualService: {', '.join(service.hosts)}"
        yield from error(steps, message, "add it to hosts, or correct it")


def l4_match(match: TLSMatchAttributes | L4MatchAttributes, steps: Steps) -> Findings:
    """What TLS and TCP matches have in common."""
    for index, subnet in enumerate(match.destination_subnets):
        yield from at((*steps, "destinationSubnets", index), values.subnet(subnet))
    if match.port:
        yield from at((*steps, "port"), values.port(match.port))
    yield from names.labels(match.source_labels, (*steps, "sourceLabels"))
    yield from names.gateway_names(match.gateways, (*steps, "gateways"))


def _tcp_route(route: TCPRoute, steps: Steps) -> Findings:
    for index, match in enumerate(route.match):
        yield from l4_match(match, (*steps, "match", index))
    yield from _l4_destinations(route.route, steps)


def _l4_destinations(routes: Sequence[RouteDestination], steps: Steps) -> Findings:
    if not routes:
        yield from error(steps, "there is no destination", "add route with a destination")
    for index, route in enumerate(routes):
        here = (*steps, "route", index)
        if not route.HasField("destination"):
            yield from error(here, "there is no destination", "add destination with a host")
        else:
            yield from destination(route.destination, (*here, "destination"))
    yield from weights([route.weight for route in routes], (*steps, "route"))
