"""A sidecar's scope → its outbound route tables, by the names its listeners ask for.

A table is named by a port (`9080`), by a service's host and port (`host:7070`, where the protocol is
detected), by the path of a Unix socket, or `http_proxy`.
It is a join of virtual hosts that were serialised before.
"""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.sidecar_pb2 import OutboundTrafficPolicy
from miniistiod.generate.outbound_virtual_hosts import Reader, VirtualHost, at_all_ports, virtual_hosts
from miniistiod.generate.route_configuration import (
    ALLOW_ANY,
    ALLOW_ANY_DYNAMIC_DNS,
    BLOCK_ALL,
    Fallback,
    fallback_virtual_host,
    missing_configuration,
    route_configuration,
    virtual_host,
)
from miniistiod.generate.virtual_host_routes import HashRule, Labels, asked_labels
from miniistiod.mesh.consistent_hash import hashes
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.facts import fact
from miniistiod.proxy.outbound import Destinations, EgressListener, OutboundView
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.mesh_config.proxy_headers import proxy_headers
from miniistiod.translate.virtual_service.destination import destination_cluster
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.xds.resource import Part, Resource, resource

HTTP_PROXY = "http_proxy"
UNIX = "unix://"
IS_HTTP_PROXY = "HTTP_PROXY"


@fact
def sidecar_routes(scope: ProxyScope, names: tuple[str, ...]) -> Part:
    """The tables of these names."""
    return tables(names, scope.outbound, reader(scope), hash_rules(scope.destinations), scope.settings)


@fact
def reader(scope: ProxyScope) -> Reader:
    """What of the proxy counts."""
    headers = proxy_headers(scope.proxy_config.message.proxy_headers, ListenerClass.SIDECAR_OUTBOUND)
    return Reader(
        namespace=scope.proxy.namespace,
        dns_domain=scope.proxy.dns_domain,
        ipv4=scope.proxy.supports_ipv4,
        ipv6=scope.proxy.supports_ipv6,
        labels=labels_that_count(scope),
        attempt_count=headers.attempt_count,
        forwarded_host=headers.forwarded_host,
    )


@fact
def labels_that_count(scope: ProxyScope) -> Labels:
    """Those of its labels that any rule in view asks for."""
    asked = view_labels(scope.outbound)
    return frozenset(label for label in scope.proxy.labels.items() if label[0] in asked)


@kept
def view_labels(view: OutboundView) -> frozenset[str]:
    """The labels of clients that any rule in view asks for."""
    return frozenset(
        label
        for listener in view.listeners
        for rules in listener.virtual_services
        for label in asked_labels(rules)
    )


@kept
def tables(
    names: tuple[str, ...],
    view: OutboundView,
    client: Reader,
    hashing: tuple[HashRule, ...],
    settings: MeshSettings,
) -> Part:
    """Each table of these names; one that no port or socket can be read from is empty."""
    return {name: table(name, view, client, hashing, settings) for name in names}


@kept
def table(
    name: str, view: OutboundView, client: Reader, hashing: tuple[HashRule, ...], settings: MeshSettings
) -> Resource:
    """One table. Hosts that are not in it are left to the outbound traffic policy, except on a port that has
    a table for each service."""
    port, detected = place(name)
    if port is None:
        return resource(name, missing_configuration(name))
    listener = view.listener(port, name)
    hosts = _hosts(name, port, detected, listener, client, hashing, settings) if listener is not None else ()
    bodies = [virtual_host(h.name, h.domains, h.routes, client.attempt_count, False) for h in hosts]
    if not detected:
        bodies.append(
            fallback_virtual_host(
                fallback(view.outbound_traffic_policy), client.attempt_count, client.forwarded_host
            )
        )
    sources = dict.fromkeys(source for host in hosts for source in host.sources)
    return resource(name, route_configuration(name, bodies), origins=sources)


def place(name: str) -> tuple[int | None, bool]:
    """The port of a table, 0 for all ports, None for a name we did not give; and whether it is for the one
    service whose protocol is detected there."""
    if name.startswith(UNIX) or name == HTTP_PROXY:
        return 0, False
    host, colon, port = name.partition(":")
    number = port if colon else host
    return (int(number), bool(colon)) if number.isdecimal() else (None, False)


def fallback(policy: OutboundTrafficPolicy) -> Fallback:
    """What the outbound traffic policy does with unknown hosts."""
    if int(policy.mode) == MeshConfig.OutboundTrafficPolicy.ALLOW_ANY_DYNAMIC_DNS:
        return ALLOW_ANY_DYNAMIC_DNS
    if policy.mode != OutboundTrafficPolicy.ALLOW_ANY:
        return BLOCK_ALL
    if policy.HasField("egress_proxy"):
        return Fallback(ALLOW_ANY.name, destination_cluster(policy.egress_proxy, 0))
    return ALLOW_ANY


@kept
def hash_rules(destinations: Destinations) -> tuple[HashRule, ...]:
    """The rules in force that hash, by host: no other DestinationRule has a say in routes."""
    ruled = ((each.service.hostname, each.rule) for each in destinations)
    return tuple(HashRule(host, rule) for host, rule in ruled if rule is not None and hashes(rule))


def _hosts(
    name: str,
    port: int,
    detected: bool,
    listener: EgressListener,
    client: Reader,
    hashing: tuple[HashRule, ...],
    settings: MeshSettings,
) -> Iterable[VirtualHost]:
    if listener.spec is not None and listener.spec.port.protocol.upper() == IS_HTTP_PROXY:
        port = 0
    hosts = virtual_hosts(listener, port, client, hashing, settings)
    if port == 0:
        hosts = tuple(at_all_ports(hosts))
    return _of_service(hosts, name) if detected else hosts


def _of_service(hosts: Iterable[VirtualHost], name: str) -> Iterable[VirtualHost]:
    """The one virtual host of a detected service, whatever host is asked: the listener is only its own."""
    bare = name.rpartition(":")[0]
    found = [host for host in hosts if name in host.domains or bare in host.domains]
    return [host._replace(domains=("*",)) for host in found] if len(found) == 1 else found
