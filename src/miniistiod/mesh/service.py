"""What the mesh knows as a service, whatever it was declared by (Kubernetes Service or ServiceEntry)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.vocab.protocol import Protocol

UNSPECIFIED = "0.0.0.0"
"""The address of a service that has none of its own."""


class Resolution(Enum):
    """How a client finds the endpoints of a service."""

    STATIC = "ClientSideLB"
    DNS = "DNSLB"
    DNS_ROUND_ROBIN = "DNSRoundRobinLB"
    PASSTHROUGH = "Passthrough"
    ALIAS = "Alias"
    DYNAMIC_DNS = "DynamicDNS"

    @property
    def is_dns(self) -> bool:
        """Envoy asks DNS for the endpoints, whose names stand in the cluster itself."""
        return self in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


class Registry(Enum):
    """Where a service was declared."""

    KUBERNETES = "Kubernetes"
    EXTERNAL = "External"


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a service; `number` is what clients dial.

    `target` is what the workload listens on: a number, the name of a container port, or 0 for `number`.
    """

    name: str
    number: int
    protocol: Protocol
    target: int | str = 0


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One host name and its ports. Equal only to itself: a changed service is a new object, an unchanged
    one is the same object in the next snapshot, so it can be a key of what was made from it.

    `name` is that of the Kubernetes Service, or the host of a ServiceEntry. A ServiceEntry gives one Service
    for each of its hosts and addresses. `addresses` are the VIPs clients dial (UNSPECIFIED when there is
    none; the first is the main one). `external_addresses` are load balancer and external IPs. `export_to`
    holds namespace names and "*", with "." already replaced; it is empty for "~". `created` is the sort key
    of precedence, see Object.age. `aliases` are the (namespace, host name) of the ExternalName services
    that point here. `selector` chooses the workloads in the service's namespace.
    """

    hostname: str
    name: str
    namespace: str
    ports: tuple[Port, ...]
    resolution: Resolution
    registry: Registry
    origin: Object[Any]
    created: tuple[str, str, str]
    addresses: tuple[str, ...] = (UNSPECIFIED,)
    external_addresses: tuple[str, ...] = ()
    mesh_external: bool = False
    export_to: frozenset[str] = frozenset({"*"})
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    service_accounts: tuple[str, ...] = ()
    external_name: str = ""
    traffic_distribution: str = ""
    headless: bool = False
    node_local: bool = False
    publish_not_ready: bool = False
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """The main VIP."""
        return self.addresses[0]

    def dialled(self, ipv4: bool, ipv6: bool) -> tuple[str, ...]:
        """The VIPs for a client of these IP families. One that speaks both stays with the main VIP's."""
        main = ":" in self.address
        families = (main,) if ipv4 and ipv6 else (ipv6,)
        return tuple(a for a in self.addresses if (":" in a) in families)

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, host name): services with equal keys share their endpoints."""
        return (self.namespace, self.hostname)

    def port(self, number: int) -> Port | None:
        """The port clients dial under this number."""
        return next((p for p in self.ports if p.number == number), None)

    def port_override(self, number: int) -> int:
        """Where a ServiceEntry without resolution sends what is meant for one of its ports, or 0."""
        port = self.port(number)
        target = port.target if port is not None else 0
        of_entry = self.registry is Registry.EXTERNAL and self.resolution is Resolution.PASSTHROUGH
        return target if of_entry and isinstance(target, int) else 0

    def visible_to(self, namespace: str) -> bool:
        """Whether clients in this namespace may see it."""
        return "*" in self.export_to or namespace in self.export_to


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address behind one port of a service, with what its workload says of itself.

    `port` is the port the workload listens on, `port_name` names the service port it belongs to; of a
    ServiceEntry's endpoint `service_port` is the number of that port.
    `address` may be a Unix socket path or a DNS name. `addresses` has further ones of the same workload
    (dual stack). `labels` are sorted. `service_account` is the SPIFFE identity. `workload` is the name of the
    workload (deployment, not pod). `locality` is region/zone/sub-zone. `weight` 0 is unset.
    `healthy` None: nobody checks it. Equal content is equal: it is a value.
    """

    address: str
    port: int
    port_name: str
    labels: tuple[tuple[str, str], ...] = ()
    service_account: str = ""
    workload: str = ""
    namespace: str = ""
    locality: str = ""
    weight: int = 0
    network: str = ""
    cluster: str = ""
    tls_mode: str = "disabled"
    node: str = ""
    hostname: str = ""
    healthy: bool | None = None
    addresses: tuple[str, ...] = ()
    service_port: int = 0

    def label(self, name: str, default: str = "") -> str:
        """The value of one label."""
        return next((v for k, v in self.labels if k == name), default)

    def selected_by(self, selector: Mapping[str, str]) -> bool:
        """Whether it carries all these labels (of a subset, say); an empty selector takes every endpoint."""
        return all(item in self.labels for item in selector.items())


@dataclass(frozen=True, slots=True, eq=False)
class ServiceEndpoints:
    """All endpoints of the services with one key; the same object until one of them changes.

    `service_accounts` are the sorted identities among them: clusters need only these, so they stay the same
    when an endpoint of a known identity comes or goes.
    """

    all: tuple[Endpoint, ...] = ()
    by_port: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    service_accounts: tuple[str, ...] = ()
    by_number: Mapping[int, tuple[Endpoint, ...]] = field(default_factory=dict)

    def at(self, port: Port) -> tuple[Endpoint, ...]:
        """The endpoints behind one service port, for EDS: they go by its name."""
        return self.by_port.get(port.name, ())

    def in_cluster(self, port: Port) -> tuple[Endpoint, ...]:
        """Those that are written into the cluster itself, or have listeners. Of ServiceEntries with one host
        they go by the port's number, as in istiod (LegacyClusterPortKey).
        """
        if not self.by_number:
            return self.at(port)
        return (*(e for e in self.at(port) if not e.service_port), *self.by_number.get(port.number, ()))


NO_ENDPOINTS = ServiceEndpoints()
"""The endpoints of a service that has none."""
