"""How Envoy finds the endpoints of a service: the discovery type of its clusters."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.service import Port, Resolution, Service
from miniistiod.vocab.protocol import Protocol

CONNECT_STRATEGY = "istio.io/connect-strategy"
RACE_FIRST = "race_first_tcp_connect"

DYNAMIC_PROTOCOLS = frozenset({Protocol.HTTP, Protocol.TLS, Protocol.GRPC, Protocol.HTTP2})
"""What a dynamic forward proxy can find the host's name in."""


def discovery_type(service: Service, router: bool) -> Cluster.DiscoveryType:
    """EDS, DNS or the original destination; a router has no original destination and takes EDS instead."""
    match service.resolution:
        case Resolution.DNS:
            return Cluster.LOGICAL_DNS if races(service) else Cluster.STRICT_DNS
        case Resolution.DNS_ROUND_ROBIN:
            return Cluster.LOGICAL_DNS
        case Resolution.PASSTHROUGH if not router:
            return Cluster.ORIGINAL_DST
        case _:
            return Cluster.EDS


def races(service: Service) -> bool:
    """Whether a client connects to all addresses at once and takes the first that answers."""
    return service.annotations.get(CONNECT_STRATEGY, "").lower() == RACE_FIRST


def is_dynamic(service: Service) -> bool:
    """Whether the host is found in each request (a wildcard with resolution DYNAMIC_DNS)."""
    return service.resolution is Resolution.DYNAMIC_DNS and service.hostname.startswith("*")


def cluster_ports(service: Service) -> Iterator[Port]:
    """The ports that have clusters."""
    if service.resolution is not Resolution.ALIAS:
        dynamic = is_dynamic(service)
        yield from (
            port
            for port in service.ports
            if port.protocol is not Protocol.UDP and (not dynamic or port.protocol in DYNAMIC_PROTOCOLS)
        )


def subset_names(service: Service, rule: MergedDestinationRule | None) -> Iterator[str]:
    """ "" for the service itself, then the subsets of its rule; a dynamic host has none."""
    yield ""
    if rule is not None and not is_dynamic(service):
        yield from dict.fromkeys(subset.name for subset in rule.message.subsets)
