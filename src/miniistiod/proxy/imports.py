"""The `hosts` of an egress listener, NAMESPACE/HOST: which services and VirtualServices it takes in.

NAMESPACE is a name, `*` for any, `.` for the proxy's own; `~` before it takes the host out again (`~/*` all).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from miniistiod.mesh.hosts import covered, is_wildcard, overlap
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Registry, Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.virtual_services import MergedVirtualService

ANY = "*"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of one namespace."""

    exact: frozenset[str]
    wildcard: tuple[str, ...]
    excluded: tuple[str, ...]

    def take(self, host: str) -> bool:
        """Whether a service of this host is taken in."""
        return host in self.exact or covered(host, self.wildcard)

    def take_rules(self, host: str) -> bool:
        """Whether rules for this host are: those for a wider host count as well (`*.com` for `a.com`)."""
        if host in self.exact:
            return True
        narrower = is_wildcard(host) and any(overlap(host, each) for each in self.exact)
        return narrower or any(overlap(host, each) for each in self.wildcard)

    def exclude(self, host: str) -> bool:
        """Whether the host is taken out again."""
        return covered(host, self.excluded)


@dataclass(frozen=True, slots=True, eq=False)
class Imports:
    """The hosts by namespace, ANY among them."""

    of: Mapping[str, Hosts]

    def places(self, namespace: str) -> Iterable[Hosts]:
        """What counts for something of this namespace: what is said of it, then what is said of any."""
        return [self.of[each] for each in (namespace, ANY) if each in self.of]

    @property
    def exact_only(self) -> bool:
        """Whether all hosts are full names in named namespaces."""
        return ANY not in self.of and not any(hosts.wildcard for hosts in self.of.values())


@kept
def imports(hosts: tuple[str, ...], namespace: str) -> Imports:
    """The imports of a listener for proxies of this namespace."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for each in hosts:
        place, _, host = each.partition("/")
        excluded = place.startswith("~")
        place = (place.removeprefix("~") or ANY) if excluded else place
        found.setdefault(namespace if place == "." else place, []).append((host, excluded))
    return Imports({place: of_namespace(pairs) for place, pairs in found.items()})


def of_namespace(pairs: Iterable[tuple[str, bool]]) -> Hosts:
    """(host, whether it is taken out) → the hosts of one namespace."""
    taken = [host for host, excluded in pairs if not excluded]
    return Hosts(
        exact=frozenset(host for host in taken if not is_wildcard(host)),
        wildcard=tuple(host for host in taken if is_wildcard(host)),
        excluded=tuple(host for host, excluded in pairs if excluded),
    )


@kept
def imported_services(
    hosts: Imports, services: ServiceIndex, namespace: str, port: int
) -> tuple[Service, ...]:
    """What proxies of a namespace take in; with a port only services that have it, and only that port of
    them.

    One namespace counts for each host name: the proxy's own, else that of a Kubernetes Service, else the
    first.
    """
    candidates = (
        exact_services(hosts, services, namespace) if hosts.exact_only else services.visible(namespace)
    )
    taken = [made for each in candidates if (made := imported(hosts, each, port)) is not None]
    chosen: dict[str, Service] = {}
    for each in taken:
        before = chosen.setdefault(each.hostname, each)
        if each.namespace == namespace or (
            before.namespace != namespace
            and before.registry is Registry.EXTERNAL
            and each.registry is Registry.KUBERNETES
        ):
            chosen[each.hostname] = each
    return tuple(each for each in taken if chosen[each.hostname].namespace == each.namespace)


def exact_services(hosts: Imports, services: ServiceIndex, namespace: str) -> list[Service]:
    """The visible services of these full names, oldest first."""
    found = (services.service(host, place) for place, each in hosts.of.items() for host in each.exact)
    return sorted((s for s in found if s is not None and s.visible_to(namespace)), key=lambda s: s.created)


def imported(hosts: Imports, service: Service, port: int) -> Service | None:
    """The service as it is taken in: with one port, and with the aliases that are taken in too; or None."""
    places = list(hosts.places(service.namespace))
    if any(place.exclude(service.hostname) for place in places):
        return None
    for place in places:
        if place.take(service.hostname) and (not port or service.port(port) is not None):
            return trimmed(with_port(service, port), tuple(a for a in service.aliases if place.take(a[1])))
    return None


def with_port(service: Service, port: int) -> Service:
    """The service with this port alone; as it is when it has no other, or when no port is asked for."""
    if not port or len(service.ports) == 1:
        return service
    return with_ports(service, (port,))


@kept
def with_ports(service: Service, numbers: tuple[int, ...]) -> Service:
    """The service with these of its ports."""
    return replace(service, ports=tuple(p for p in service.ports if p.number in numbers))


def trimmed(service: Service, aliases: tuple[tuple[str, str], ...]) -> Service:
    """The service with fewer aliases; as it is when all are taken in."""
    return service if aliases == service.aliases else with_aliases(service, aliases)


@kept
def with_aliases(service: Service, aliases: tuple[tuple[str, str], ...]) -> Service:
    """The service with these of its aliases."""
    return replace(service, aliases=aliases)


def imported_rules(hosts: Imports, rules: Iterable[MergedVirtualService]) -> tuple[MergedVirtualService, ...]:
    """The VirtualServices of which at least one host is taken in and not taken out, in their order."""
    return tuple(vs for vs in rules if any(takes(hosts, vs, host) for host in vs.message.hosts))


def takes(hosts: Imports, vs: MergedVirtualService, host: str) -> bool:
    """Whether one host of a VirtualService is taken in."""
    places = list(hosts.places(vs.namespace))
    if any(place.exclude(host) for place in places):
        return False
    return any(place.take(host) if vs.gateway_api else place.take_rules(host) for place in places)
