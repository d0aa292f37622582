"""An egress listener → its virtual hosts at one port: which rules are for which service.

Rules come in order of precedence, then the services without one; a domain belongs to who takes it first.
Source: Istio's route.go (wrappers) and httproute.go (domains).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from miniistiod.config.objects import Object
from miniistiod.generate.route_domains import joined, service_domains
from miniistiod.generate.virtual_host_routes import (
    Client,
    HashRule,
    Labels,
    Routes,
    Target,
    asked_labels,
    destination_hosts,
    rule_routes,
    service_routes,
)
from miniistiod.mesh.hosts import is_wildcard, overlap
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Port, Resolution, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.virtual_services import MESH, MergedVirtualService
from miniistiod.proxy.outbound import EgressListener
from miniistiod.vocab.protocol import Protocol

HTTP_PORT = 80
"""The port at which hosts that no service has are served, too."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What of a proxy its outbound routes depend on; equal for all proxies that get the same ones.

    `labels` are only those that some rule in view asks for.
    """

    namespace: str
    dns_domain: str
    ipv4: bool
    ipv6: bool
    labels: Labels
    attempt_count: bool
    forwarded_host: bool


class Listed(NamedTuple):
    """A service with its host as written here and those of its ports that count here."""

    host: str
    service: Service
    ports: tuple[Port, ...]


Registry = Mapping[str, Listed]
Sources = tuple[Object[Any], ...]
"""The documents something was made from."""


class Group(NamedTuple):
    """Hosts that share their routes at one port: those of services, and those that no service has."""

    port: int
    routes: Routes
    services: tuple[Listed, ...]
    sources: Sources
    hosts: tuple[str, ...] = ()


class VirtualHost(NamedTuple):
    """A virtual host before it is serialised."""

    name: str
    port: int
    domains: tuple[str, ...]
    routes: Routes
    sources: Sources


@kept
def virtual_hosts(
    listener: EgressListener, port: int, reader: Reader, hashes: tuple[HashRule, ...], settings: MeshSettings
) -> tuple[VirtualHost, ...]:
    """The virtual hosts at this port, sorted by name; at all ports when it is 0 (proxy, Unix socket)."""
    registry = _registry(listener, port)
    rules = listener.virtual_services
    if port != HTTP_PORT:
        rules = tuple(_of_services(rules, registry))
    groups = [
        group
        for each in rules
        for group in _ruled(each, registry, listener, _client(each, port, registry, reader, hashes), settings)
    ]
    ruled = {each.host for group in groups for each in group.services}
    groups += _unruled((each for each in registry.values() if each.host not in ruled), hashes, settings)
    return tuple(sorted(_named(groups, port, reader), key=lambda host: host.name))


def _registry(listener: EgressListener, port: int) -> Registry:
    if port == 0:
        return {each.hostname: Listed(each.hostname, each, each.ports) for each in listener.services}
    listed = ((each.hostname.lower(), each, _port(each, port)) for each in listener.services)
    return {host: Listed(host, each, (own,)) for host, each, own in listed if own is not None}


def _port(service: Service, number: int) -> Port | None:
    return next((p for p in service.ports if p.number == number and p.protocol is not Protocol.UDP), None)


def _of_services(rules: Iterable[MergedVirtualService], registry: Registry) -> Iterator[MergedVirtualService]:
    """Those that name a service of the port."""
    wildcards = [host for host in registry if is_wildcard(host)]
    for each in rules:
        hosts = [host.lower() for host in each.message.hosts]
        if any(
            host in registry
            or any(overlap(host, other) for other in (registry if is_wildcard(host) else wildcards))
            for host in hosts
        ):
            yield each


def _client(
    rules: MergedVirtualService, port: int, registry: Registry, reader: Reader, hashes: tuple[HashRule, ...]
) -> Client:
    """What the routes of these rules depend on, and no more: so that others' changes leave them alone."""
    hosts = destination_hosts(rules)
    labels = asked_labels(rules)
    return Client(
        port=port,
        namespace=reader.namespace,
        gateways=frozenset({MESH}),
        labels=frozenset(label for label in reader.labels if label[0] in labels),
        forwarded_host=reader.forwarded_host,
        targets=tuple(target for host in hosts if (target := _target(host, registry, port)) is not None),
        hashes=tuple(each for each in hashes if each.host in hosts),
    )


def _target(host: str, registry: Registry, port: int) -> Target | None:
    """What is special about a destination; None where the name and the listener's port say it all."""
    listed = registry.get(host)
    if listed is None:
        return None
    only_port = listed.ports[0].number if len(listed.ports) == 1 else 0
    target = Target(host, only_port, listed.service.external_name)
    return target if target.alias_of or only_port not in (0, port) else None


def _ruled(
    rules: MergedVirtualService,
    registry: Registry,
    listener: EgressListener,
    client: Client,
    settings: MeshSettings,
) -> Iterator[Group]:
    """The groups of one VirtualService, one for each port; none when no rule of it is for this client."""
    routes = rule_routes(rules, client, settings)
    if not routes:
        return
    named, others = _hosts(rules, registry, listener)
    near = (rules.namespace in (each.service.namespace, client.namespace) for each in named)
    if rules.gateway_api and not any(near):
        return
    ports: dict[int, list[Listed]] = {}
    for each in named:
        for port in each.ports:
            if _routed(port):
                ports.setdefault(port.number, []).append(each)
    if not ports and client.port == HTTP_PORT:
        ports[HTTP_PORT] = []
    for number, services in ports.items():
        yield Group(number, routes, tuple(services), rules.sources, tuple(others))


def _hosts(
    rules: MergedVirtualService, registry: Registry, listener: EgressListener
) -> tuple[list[Listed], list[str]]:
    """The services the rules name, and the hosts that no service has.

    A service that several wildcards match belongs to the narrowest of them only.
    """
    services: list[Listed] = []
    others: list[str] = []
    hosts = [host.lower() for host in rules.message.hosts]
    for host in (host for host in hosts if not is_wildcard(host)):
        if host in registry:
            services.append(registry[host])
        else:
            others.append(host)
    for host in (host for host in hosts if is_wildcard(host)):
        matching = [name for name in registry if overlap(name, host)] if not rules.gateway_api else []
        services += [registry[name] for name in matching if listener.by_host.get(name) is rules]
        if not matching:
            others.append(host)
    return services, others


def _unruled(
    listed: Iterable[Listed], hashes: tuple[HashRule, ...], settings: MeshSettings
) -> Iterator[Group]:
    """Services that no rule is for. An ExternalName has no virtual host: its names are with its target."""
    rules = dict(hashes)
    for each in listed:
        if each.service.resolution is Resolution.ALIAS:
            continue
        for port in filter(_routed, each.ports):
            rule = rules.get(each.host)
            routes = service_routes(each.host, port.number, rule, settings)
            yield Group(port.number, routes, (each,), rule.sources if rule is not None else ())


def _routed(port: Port) -> bool:
    return port.protocol.is_http or port.protocol is Protocol.AUTO


def _named(groups: list[Group], port: int, reader: Reader) -> Iterator[VirtualHost]:
    """The groups' hosts under names and domains that no other has."""
    served = [(each.host, group.port) for group in groups for each in group.services]
    known = {name for host, number in served for name in (host, joined(host, number))}
    names: set[str] = set()
    taken: set[str] = set()
    for group in groups:
        named: list[tuple[str, Service | None]] = [(host, None) for host in group.hosts]
        for host, service in [*named, *((each.host, each.service) for each in group.services)]:
            name = joined(host, group.port)
            if name in names:
                continue
            names.add(name)
            domains = tuple(_free(_domains(host, service, group.port, port, reader), taken, known))
            if domains:
                sources = group.sources if service is None else (service.origin, *group.sources)
                yield VirtualHost(name, group.port, domains, group.routes, sources)


def _domains(
    host: str, service: Service | None, port: int, listener_port: int, reader: Reader
) -> Iterator[tuple[str, bool]]:
    """Each domain, and whether it is a short form. Ports count only where one table is for all ports."""
    if service is None:
        yield (f"[{host}]" if ":" in host else host), False
        return
    suffix = 0 if listener_port else port
    domains = service_domains(service, suffix, reader.dns_domain, reader.ipv4, reader.ipv6)
    for domain in domains.all:
        yield domain, domain in domains.short


def _free(domains: Iterable[tuple[str, bool]], taken: set[str], known: set[str]) -> Iterator[str]:
    """The domains that nobody has; a short form never takes the full name of another service."""
    for domain, short in domains:
        if domain.lower() in taken or (short and domain in known):
            continue
        taken.add(domain.lower())
        yield domain


def at_all_ports(hosts: Iterable[VirtualHost]) -> Iterator[VirtualHost]:
    """One table for all ports: away from port 80 only domains with their port tell them apart."""
    for host in hosts:
        domains = host.domains if host.port == HTTP_PORT else tuple(d for d in host.domains if ":" in d)
        if domains:
            yield host._replace(domains=domains)
