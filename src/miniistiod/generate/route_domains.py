"""A service → the Host headers by which its clients call it.

In Kubernetes a name is extended as the resolver's search list would: `reviews` for clients of its namespace,
`reviews.ns` and `reviews.ns.svc` for all. Other names are shortened by what they share with the client's
domain. A name with a dot at its end is the same name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import UNSPECIFIED, Registry, Resolution, Service


class Domains(NamedTuple):
    """All names and addresses in order, and those among them that are made by shortening."""

    all: tuple[str, ...]
    short: frozenset[str]


@kept
def service_domains(service: Service, port: int, dns_domain: str, ipv4: bool, ipv6: bool) -> Domains:
    """The domains of a service for a client in `dns_domain` that speaks these IP families.

    `port` not 0 adds each of them with the port, for tables in which the port of a request counts.
    """
    names: list[str] = []
    short: list[str] = []
    hostname = service.hostname if port else service.hostname.lower()
    for host in (hostname, *(host for _, host in service.aliases)):
        others = list(other_names(host, port, dns_domain))
        names += [*with_port(host, port), *others]
        short += others
    if service.resolution is Resolution.PASSTHROUGH and service.registry is Registry.KUBERNETES:
        names += [f"*.{name}" for name in names]
    for address in addresses(service, ipv4, ipv6):
        names += with_port(address, port)
    return Domains(tuple(names), frozenset(short))


def other_names(host: str, port: int, dns_domain: str) -> Iterator[str]:
    """The other forms of a full name."""
    if not _is_address(host):
        yield f"{host}."
    if port:
        yield joined(f"{host}.", port)
    for name in _short_names(host, dns_domain):
        yield from with_port(name, port)


def _short_names(host: str, dns_domain: str) -> Iterable[str]:
    client_namespace, in_cluster, suffix = dns_domain.partition(".svc.")
    if not in_cluster:
        return _relative_names(host, dns_domain)
    service = host.partition(".svc.")[0]
    name, dot, namespace = service.partition(".")
    if not (dot and host.endswith(f".svc.{suffix}")):
        return ()
    if namespace == client_namespace:
        return (name, f"{service}.svc", service)
    return (service, f"{service}.svc")


def _relative_names(host: str, dns_domain: str) -> Iterable[str]:
    """Outside of Kubernetes: the name without the labels that it shares with the end of the client's."""
    labels, own = host.split("."), dns_domain.split(".")
    shared = 0
    while shared < min(len(labels), len(own)) and labels[-1 - shared] == own[-1 - shared]:
        shared += 1
    if not shared:
        return ()
    unique = labels[:-shared]
    name = ".".join(unique)
    return (name, f"{name}.{labels[-shared]}") if len(unique) == 2 else (name,)


def addresses(service: Service, ipv4: bool, ipv6: bool) -> tuple[str, ...]:
    """The VIPs the client can dial. A ServiceEntry's only address counts whatever its family is."""
    if service.registry is Registry.KUBERNETES:
        return tuple(a for a in service.dialled(ipv4, ipv6) if a != UNSPECIFIED)
    dialled = tuple(a for a in service.addresses if a != UNSPECIFIED)
    families = {4: ipv4, 6: ipv6}
    return tuple(a for a in dialled if families.get(_family(a), False)) or dialled[:1]


def _family(address: str) -> int:
    try:
        return ipaddress.ip_network(address, strict=False).version
    except ValueError:
        return 0


def _is_address(host: str) -> bool:
    return "/" not in host and _family(host) != 0


def with_port(domain: str, port: int) -> list[str]:
    """The domain, and with its port when one is given."""
    bare = f"[{domain}]" if ":" in domain else domain
    return [bare, f"{bare}:{port}"] if port else [bare]


def joined(host: str, port: int) -> str:
    """HOST:PORT, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
