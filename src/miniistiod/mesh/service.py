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


class Registry(Enum):
    """Where a service was declared."""

    KUBERNETES = "Kubernetes"
    EXTERNAL = "External"


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a service; `number` is what clients dial."""

    name: str
    number: int
    protocol: Protocol


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One host name and its ports. Equal only to itself: a changed service is a new object, an unchanged
    one is the same object in the next snapshot, so it can be a key of what was made from it.

    `addresses` are the VIPs clients dial (UNSPECIFIED when there is none). `export_to` holds namespace
    names, "*", "." or "~" already resolved against the defaults of the mesh. `created` is the sort key of
    precedence, see Object.age.
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
    mesh_external: bool = False
    export_to: frozenset[str] = frozenset({"*"})
    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    service_accounts: tuple[str, ...] = ()
    external_name: str = ""
    traffic_distribution: str = ""
    headless: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address behind one port of a service, with what its workload says of itself.

    `port` is the port the workload listens on, `port_name` names the service port it belongs to.
    `address` may be a Unix socket path or a DNS name. Equal content is equal: it is a value.
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
    tls_mode: str = ""
    node: str = ""
    healthy: bool = True
