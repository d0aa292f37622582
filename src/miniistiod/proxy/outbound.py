"""What sidecars see on their way out: egress listeners with their services and VirtualServices, and rules.

One view for all proxies of a namespace under the same Sidecar, so what is made from it is made once for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.api.istio.networking import sidecar_pb2
from miniistiod.mesh.destination_rules import DestinationRuleIndex, MergedDestinationRule, Rules
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.mesh.virtual_services import MergedVirtualService, VirtualServiceIndex


@dataclass(frozen=True, slots=True, eq=False)
class EgressListener:
    """One egress listener of a Sidecar, or the catch-all of a namespace without one.

    `spec` is None for that catch-all. `services` may have fewer ports than the mesh knows (a listener with a
    port takes only that one). `virtual_services` are in order of precedence. `by_host` gives for the host of
    each service the VirtualService whose host is the most specific one.
    """

    spec: sidecar_pb2.IstioEgressListener | None
    services: tuple[Service, ...]
    virtual_services: tuple[MergedVirtualService, ...]
    by_host: Mapping[str, MergedVirtualService]

    @property
    def port(self) -> int:
        """The port it is for, 0 when it is for all (or is a Unix socket)."""
        return self.spec.port.number if self.spec is not None else 0

    @property
    def is_catch_all(self) -> bool:
        """It names no port: it takes what no other listener does."""
        return self.spec is None or not self.spec.HasField("port")


@dataclass(frozen=True, slots=True)
class Destination:
    """A service that can be reached, and the DestinationRule in force for it. A value: it can be a key."""

    service: Service
    rule: MergedDestinationRule | None


@dataclass(frozen=True, slots=True, eq=False)
class OutboundView:
    """The way out for all proxies of one namespace and one Sidecar (None: nothing limits them).

    `services` is the union over the listeners, merged by host; `rules` the candidates for each host name.
    `outbound_traffic_policy` is the Sidecar's, or the mesh's mode. The same object until something in it changes.
    """

    namespace: str
    sidecar: Sidecar | None
    listeners: tuple[EgressListener, ...]
    services: tuple[Service, ...]
    by_host: Mapping[str, Service]
    rules: Mapping[str, Rules]
    outbound_traffic_policy: sidecar_pb2.OutboundTrafficPolicy

    def listener(self, port: int, bind: str = "") -> EgressListener | None:
        """The listener whose routes a port takes: the one of this port (or Unix socket), or the catch-all."""
        for each in self.listeners:
            if each.is_catch_all or (each.port == port and (port or each.spec is None or each.spec.bind == bind)):
                return each
        return None

    def service(self, hostname: str) -> Service | None:
        """The service of this host name that these proxies see."""
        return self.by_host.get(hostname)


@kept
def outbound_view(
    namespace: str,
    sidecar: Sidecar | None,
    settings: MeshSettings,
    services: ServiceIndex,
    virtual_services: VirtualServiceIndex,
    destination_rules: DestinationRuleIndex,
) -> OutboundView:
    """The view of one namespace under one Sidecar."""
    raise NotImplementedError


def destinations(view: OutboundView, labels: Mapping[str, str]) -> tuple[Destination, ...]:
    """Each service of a view with the rule in force for a client with these labels."""
    return tuple(Destination(service, rule_for(view, service, labels)) for service in view.services)


def rule_for(view: OutboundView, service: Service, labels: Mapping[str, str] | None) -> MergedDestinationRule | None:
    """The rule in force for a client with these labels; None as labels leaves out rules with a selector."""
    raise NotImplementedError
