"""The gateways between networks, and which network an address is in: from MeshNetworks and labelled Services.

Workloads of another network are reached through its gateways, over mutual TLS.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from miniistiod.api.istio.mesh.network_pb2 import Network
from miniistiod.mesh.kept import kept
from miniistiod.mesh.locality import NETWORK
from miniistiod.mesh.service import Registry, Service
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings

GATEWAY_PORT = "networking.istio.io/gatewayPort"
"""The label of a gateway's Service that names its port for other networks."""
DEFAULT_PORT = 15443


class NetworkGateway(NamedTuple):
    """One address of a gateway, in the order in which gateways come."""

    address: str
    port: int
    network: str
    cluster: str = ""


Gateways = tuple[NetworkGateway, ...]


@kept
def network_gateways(settings: MeshSettings, services: ServiceIndex) -> Gateways:
    """All gateways; () in a mesh of one network, where every endpoint is reached directly."""
    networks = settings.networks.networks if settings.networks is not None else {}
    found: set[NetworkGateway] = set()
    for name in networks:
        found.update(_declared(name, networks[name], settings, services))
    found.update(gateway for service in services.all for gateway in _labelled(service, settings))
    return tuple(sorted(found))


def network_of(address: str, settings: MeshSettings) -> str:
    """The network that MeshNetworks puts an address of this cluster in, "" if none."""
    networks = settings.networks.networks if settings.networks is not None else {}
    for name in sorted(networks):
        if any(e.from_registry == settings.cluster for e in networks[name].endpoints):
            return name
    return next((name for name in sorted(networks) if _inside(address, networks[name])), "")


def _declared(
    name: str, network: Network, settings: MeshSettings, services: ServiceIndex
) -> Iterator[NetworkGateway]:
    """By address, or as a Service of this cluster when the network is this cluster's."""
    own = any(e.from_registry == settings.cluster for e in network.endpoints)
    for gateway in network.gateways:
        if gateway.address:
            yield NetworkGateway(gateway.address, gateway.port, name)
        elif own:
            for service in services.of_host(gateway.registry_service_name).values():
                for address in service.external_addresses:
                    yield NetworkGateway(address, gateway.port, name, settings.cluster)


def _labelled(service: Service, settings: MeshSettings) -> Iterator[NetworkGateway]:
    network = service.labels.get(NETWORK, "")
    if not network or service.registry is not Registry.KUBERNETES:
        return
    text = service.labels.get(GATEWAY_PORT, "")
    port = int(text) if text.isdecimal() else DEFAULT_PORT
    if service.port(port) is not None:
        for address in service.external_addresses:
            yield NetworkGateway(address, port, network, settings.cluster)


def _inside(address: str, network: Network) -> bool:
    try:
        place = ipaddress.ip_address(address)
        blocks = [ipaddress.ip_network(e.from_cidr, strict=False) for e in network.endpoints if e.from_cidr]
    except ValueError:
        return False
    return any(place.version == block.version and place in block for block in blocks)
