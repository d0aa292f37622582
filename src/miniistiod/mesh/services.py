"""All services, and which of them a client's namespace may see.

Which of two wins for one host name in one namespace: the Kubernetes Service, then the older.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Registry, Resolution, Service


@dataclass(frozen=True, slots=True, eq=False)
class ServiceIndex:
    """All services, oldest first; ExternalName aliases stand at the services they point to, and as
    services.
    """

    all: tuple[Service, ...]
    by_host: Mapping[str, Mapping[str, Service]]
    exported: Mapping[str, tuple[Service, ...]]
    public: tuple[Service, ...]

    def visible(self, namespace: str) -> tuple[Service, ...]:
        """What clients in a namespace may see: private and explicitly exported ones, then public ones."""
        return self.exported.get(namespace, ()) + self.public

    def of_host(self, hostname: str) -> Mapping[str, Service]:
        """The services of one host name by their namespace."""
        return self.by_host.get(hostname, {})

    def service(self, hostname: str, namespace: str) -> Service | None:
        """The service of one host name and namespace."""
        return self.of_host(hostname).get(namespace)


def with_shared_accounts(ordered: tuple[Service, ...]) -> tuple[Service, ...]:
    """Services of one host and namespace have the identities that the youngest of them declares, or none."""
    accounts = {each.key: each.service_accounts for each in ordered}
    return tuple(
        each if accounts[each.key] == each.service_accounts else known_as(each, accounts[each.key])
        for each in ordered
    )


@kept
def known_as(service: Service, accounts: tuple[str, ...]) -> Service:
    """The service with other identities."""
    return replace(service, service_accounts=accounts)


@kept
def service_index(services: tuple[Service, ...]) -> ServiceIndex:
    """The index of these services, given in any order."""
    ordered = with_shared_accounts(with_aliases(sorted(services, key=lambda each: each.created)))
    return ServiceIndex(
        all=ordered,
        by_host=by_host(ordered),
        exported=exported(ordered),
        public=tuple(s for s in ordered if "*" in s.export_to),
    )


def by_host(services: tuple[Service, ...]) -> Mapping[str, Mapping[str, Service]]:
    """For each host name and namespace the service that wins: nobody takes a host from a Kubernetes
    Service.
    """
    found: dict[str, dict[str, Service]] = {}
    for each in services:
        held = found.setdefault(each.hostname, {})
        first = held.setdefault(each.namespace, each)
        if first.registry is Registry.EXTERNAL and each.registry is Registry.KUBERNETES:
            held[each.namespace] = each
    return found


def exported(services: tuple[Service, ...]) -> Mapping[str, tuple[Service, ...]]:
    """For each namespace what is exported to it by name, its own private ones among them."""
    found: dict[str, list[Service]] = {}
    for each in services:
        for namespace in each.export_to - {"*"}:
            found.setdefault(namespace, []).append(each)
    return {namespace: tuple(each) for namespace, each in found.items()}


def with_aliases(services: list[Service]) -> tuple[Service, ...]:
    """The same services, those that an ExternalName points to with its name as an alias."""
    names = {s.hostname: s.external_name for s in services if s.resolution is Resolution.ALIAS}
    aliases: dict[str, list[tuple[str, str]]] = {}
    for each in services:
        target = end_of_aliases(each.hostname, names) if each.resolution is Resolution.ALIAS else None
        if target is not None:
            aliases.setdefault(target, []).append((each.namespace, each.hostname))
    return tuple(
        aliased(s, tuple(sorted(aliases[s.hostname]))) if s.hostname in aliases else s for s in services
    )


def end_of_aliases(hostname: str, names: Mapping[str, str]) -> str | None:
    """The service an alias leads to in the end; None when aliases lead in a circle."""
    seen = {hostname}
    target = names[hostname]
    while target in names:
        if target in seen:
            return None
        seen.add(target)
        target = names[target]
    return target


@kept
def aliased(service: Service, aliases: tuple[tuple[str, str], ...]) -> Service:
    """A service with its aliases, the same object as long as both stay."""
    return replace(service, aliases=aliases)
