"""A sidecar's scope → the table of names (NDS) by which the DNS proxy of Istio's agent answers its workload.

One resource without a name. What a service is called in Kubernetes stands beside its host, so that the agent
makes the short forms. A gateway gets an empty table: nothing sends its own questions through an agent.
"""

from __future__ import annotations

from miniistiod.api.istio.envoy.nds_pb2 import NameTable
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import UNSPECIFIED, Endpoint, Registry, Resolution, Service, ServiceEndpoints
from miniistiod.proxy.facts import fact
from miniistiod.proxy.node import Proxy, is_address
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part, resource

NAMELESS = ""
Info = NameTable.NameInfo
Backends = tuple[tuple[Service, tuple[Endpoint, ...]], ...]
"""Headless services, with those of their endpoints that this client may be told of."""


@fact
def names(scope: ProxyScope) -> tuple[Part, ...]:
    """The only resource of its type."""
    if scope.proxy.is_router:
        return (name_part((), (), True, True),)
    seen = tuple(service for listener in scope.tcp.listeners for service in listener.services)
    backends = tuple((s, near(s, scope.endpoints(s), scope.proxy)) for s in seen if is_headless(s))
    return (name_part(seen, backends, scope.proxy.supports_ipv4, scope.proxy.supports_ipv6),)


def is_headless(service: Service) -> bool:
    """Its names lead to its workloads."""
    passes = service.resolution is Resolution.PASSTHROUGH
    return UNSPECIFIED in service.addresses and passes and bool(service.ports)


def near(service: Service, known: ServiceEndpoints, client: Proxy) -> tuple[Endpoint, ...]:
    """The ready endpoints that the client reaches directly, each address once."""
    found: dict[str, Endpoint] = {}
    for each in known.all:
        ready = each.healthy is not False or service.publish_not_ready
        here = _same(each.network, client.network) and _same(each.cluster, client.cluster)
        if ready and here and all(map(is_address, _addresses(each))):
            found.setdefault(each.address, each)
    return tuple(found.values())


@kept
def name_part(seen: tuple[Service, ...], backends: Backends, ipv4: bool, ipv6: bool) -> Part:
    """The table. A host of Kubernetes hides a ServiceEntry's; several ServiceEntries of one host add up."""
    table: dict[str, NameTable.NameInfo] = {}
    members = dict(backends)
    for service in seen:
        table |= pods(service, members.get(service, ()))
        ips = service_addresses(service, members.get(service, ()), ipv4, ipv6)
        before = table.get(service.hostname)
        if not ips or (before is not None and before.registry == Registry.KUBERNETES.value):
            continue
        if before is not None and service.registry is not Registry.KUBERNETES:
            ips = [*before.ips, *ips]
        table[service.hostname] = info(service, ips)
    made = NameTable(table=table).SerializeToString(deterministic=True)
    return {NAMELESS: resource(NAMELESS, made, origins=dict.fromkeys(s.origin for s in seen))}


def service_addresses(service: Service, members: tuple[Endpoint, ...], ipv4: bool, ipv6: bool) -> list[str]:
    """Where the host itself leads: its VIPs, or its workloads."""
    if UNSPECIFIED in service.addresses:
        return [address for each in members for address in _addresses(each)]
    kubernetes = service.registry is Registry.KUBERNETES
    spoken = [a for a in service.addresses if not kubernetes or (ipv6 if ":" in a else ipv4)]
    return [address for address in spoken if is_address(address)]


def pods(service: Service, members: tuple[Endpoint, ...]) -> dict[str, NameTable.NameInfo]:
    """The names of single workloads of a headless service: POD.SUBDOMAIN.NAMESPACE.svc.DOMAIN."""
    found: dict[str, NameTable.NameInfo] = {}
    for each in (e for e in members if e.hostname):
        host = f"{each.hostname}.{service.hostname.partition('.')[2]}"
        before = found[host].ips if host in found else ()
        found[host] = Info(
            ips=[*before, *_addresses(each)],
            registry=service.registry.value,
            namespace=service.namespace,
            shortname=each.hostname,
        )
    return found


def info(service: Service, ips: list[str]) -> NameTable.NameInfo:
    """One row."""
    made = Info(ips=ips, registry=service.registry.value)
    if service.registry is Registry.KUBERNETES:
        made.namespace, made.shortname = service.namespace, service.name
    return made


def _addresses(endpoint: Endpoint) -> tuple[str, ...]:
    return endpoint.addresses or (endpoint.address,)


def _same(one: str, other: str) -> bool:
    return not one or not other or one == other
