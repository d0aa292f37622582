"""Which consistent hash of a DestinationRule is in force for a destination of HTTP requests.

The first of these that says one: the subset's port, the subset, the port, the host.
"""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings, TrafficPolicy
from miniistiod.api.istio.networking.virtual_service_pb2 import Destination
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept

ConsistentHash = LoadBalancerSettings.ConsistentHashLB


@kept
def hashes(rule: MergedDestinationRule) -> bool:
    """Whether the rule asks for a consistent hash anywhere."""
    policies = [rule.message.traffic_policy, *(subset.traffic_policy for subset in rule.message.subsets)]
    return any(_own(policy) or any(map(_own, policy.port_level_settings)) for policy in policies)


def service_hash(rule: MergedDestinationRule, port: int) -> ConsistentHash | None:
    """The hash for a service port that no VirtualService speaks of."""
    policy = rule.message.traffic_policy
    return _at_port(policy, port) or _own(policy)


def destination_hash(rule: MergedDestinationRule, destination: Destination) -> ConsistentHash | None:
    """The hash for a destination of a VirtualService; port settings count only where it names the port."""
    policy = rule.message.traffic_policy
    subset = next(
        (s.traffic_policy for s in rule.message.subsets if s.name == destination.subset), TrafficPolicy()
    )
    port = destination.port.number if destination.HasField("port") else None
    candidates: Iterable[ConsistentHash | None] = (
        _at_port(subset, port),
        _own(subset),
        _at_port(policy, port),
        _own(policy),
    )
    return next((each for each in candidates if each is not None), None)


def _at_port(policy: TrafficPolicy, port: int | None) -> ConsistentHash | None:
    """Only the first setting of the port counts, even when it says nothing of a hash."""
    setting = next(
        (s for s in policy.port_level_settings if port is not None and s.port.number == port), None
    )
    return _own(setting) if setting is not None else None


def _own(policy: TrafficPolicy | TrafficPolicy.PortTrafficPolicy) -> ConsistentHash | None:
    balancer = policy.load_balancer
    return balancer.consistent_hash if balancer.HasField("consistent_hash") else None
