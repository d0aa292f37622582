"""The endpoints of one cluster → its ClusterLoadAssignment, for EDS and for clusters that carry their own.

Source of the rules: Istio's pilot/pkg/xds/endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from envoy.config.core.v3.base_pb2 import Locality
from envoy.config.endpoint.v3.endpoint_components_pb2 import LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import (
    ClientTLSSettings,
    DestinationRule,
    TrafficPolicy,
)
from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.generate.cluster_policy import ClusterPolicy
from miniistiod.generate.endpoint_groups import groups, is_address, usable
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.inbound_modes import InboundModes, inbound_modes
from miniistiod.mesh.kept import kept
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.service import Endpoint, Port, Service
from miniistiod.translate.destination_rule.locality_groups import Group
from miniistiod.translate.destination_rule.traffic_policy import port_level
from miniistiod.vocab.transport_socket import ISTIO, MATCH_METADATA

DISABLE = PeerAuthentication.MutualTLS.DISABLE


def cluster_groups(
    service: Service,
    port: Port,
    rule: MergedDestinationRule | None,
    subset: str,
    endpoints: Iterable[Endpoint],
    policy: ClusterPolicy,
    peers: PeerAuthenticationIndex,
    node: str,
) -> tuple[Group, ...]:
    """The endpoints of a cluster by locality, before its locality rule is applied."""
    labels = subset_labels(rule, subset)
    chosen = (e for e in endpoints if e.selected_by(labels))
    sent = usable(service, chosen, sends_unhealthy=sends_unhealthy(service, policy), node=node)
    message = rule.message if rule is not None else None
    return groups(spoken_to(sent, client_mode(message, subset, port.number), peers))


def assignment(name: str, endpoints: Iterable[Group]) -> ClusterLoadAssignment:
    """The groups as Envoy has them."""
    return ClusterLoadAssignment(cluster_name=name, endpoints=[locality_endpoints(g) for g in endpoints])


def locality_endpoints(group: Group) -> LocalityLbEndpoints:
    """One group."""
    place = group.locality
    return LocalityLbEndpoints(
        locality=Locality(region=place.region, zone=place.zone, sub_zone=place.sub_zone),
        lb_endpoints=[member.endpoint for member in group.members],
        load_balancing_weight=None if group.weight is None else UInt32Value(value=group.weight),
        priority=group.priority,
    )


def mutual_only(endpoints: Iterable[Group]) -> tuple[Group, ...]:
    """Without those that do not speak mutual TLS: a gateway that passes TLS on cannot tell who does."""
    return tuple(_mutual(group) for group in endpoints)


def reachable(endpoint: Endpoint) -> bool:
    """Whether EDS may carry it: an IP address or a Unix socket. A name would have to be asked for in DNS."""
    return not endpoint.address or not endpoint.port or is_address(endpoint.address)


def sends_unhealthy(service: Service, policy: ClusterPolicy) -> bool:
    """Whether clients are told of unhealthy endpoints; not where they would use them in a panic."""
    if service.traffic_distribution:
        return True
    return policy.outlier is None or policy.outlier.min_health_percent <= 0


def subset_labels(rule: MergedDestinationRule | None, subset: str) -> dict[str, str]:
    """The labels that make the subset; none for the service itself."""
    subsets = rule.message.subsets if rule is not None and subset else ()
    return next((dict(s.labels) for s in subsets if s.name == subset), {})


def client_mode(rule: DestinationRule | None, subset: str, port: int) -> ClientTLSSettings.TLSmode | None:
    """The mode a rule names for a port: the subset's, or else its own; None leaves it to the endpoint."""
    if rule is None:
        return None
    policies = [rule.traffic_policy]
    if subset:
        found = [s.traffic_policy for s in rule.subsets if s.name == subset][:1]
        policies = [*found, *policies] if found else []
    return next((mode for policy in policies if (mode := _mode(policy, port)) is not None), None)


def spoken_to(
    endpoints: Iterable[Endpoint], mode: ClientTLSSettings.TLSmode | None, peers: PeerAuthenticationIndex
) -> Iterator[tuple[Endpoint, bool]]:
    """Each endpoint, and whether mutual TLS may be spoken to it."""
    for endpoint in endpoints:
        if mode is not None:
            yield endpoint, mode == ClientTLSSettings.ISTIO_MUTUAL
        else:
            yield endpoint, endpoint.tls_mode == ISTIO and _accepts(endpoint, peers)


def _mutual(group: Group) -> Group:
    members = tuple(m for m in group.members if MATCH_METADATA in m.endpoint.metadata.filter_metadata)
    return replace(group, members=members, weight=sum(m.weight for m in members) if members else None)


def _mode(policy: TrafficPolicy, port: int) -> ClientTLSSettings.TLSmode | None:
    level = port_level(policy, port)
    if level is not None and level.HasField("tls"):
        return level.tls.mode
    return policy.tls.mode if policy.HasField("tls") else None


def _accepts(endpoint: Endpoint, peers: PeerAuthenticationIndex) -> bool:
    return workload_modes(peers, endpoint.namespace, endpoint.labels).of(endpoint.port) != DISABLE


@kept
def workload_modes(
    peers: PeerAuthenticationIndex, namespace: str, labels: tuple[tuple[str, str], ...]
) -> InboundModes:
    """The modes with which a workload accepts connections."""
    return inbound_modes(peers.of_workload(namespace, dict(labels)), peers.policies.root_namespace)
