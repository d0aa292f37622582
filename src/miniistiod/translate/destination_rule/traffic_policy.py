"""TrafficPolicy of a rule, of one of its ports, of a subset → the one policy that holds for a cluster.

A port's policy replaces the rule's as a whole, for the four parts it can have. A subset's policy replaces the
rule's part by part, unless the subset has one for the port. The mesh's default stands below the rule.
"""

from __future__ import annotations

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import DestinationRule, TrafficPolicy

PORT_PARTS = ("connection_pool", "load_balancer", "outlier_detection", "tls")
"""What can be said for one port."""

OTHER_PARTS = ("tunnel", "proxy_protocol", "retry_budget")
"""What can be said for a whole rule or subset only."""


def traffic_policy(
    rule: DestinationRule | None,
    port: int,
    subset: str = "",
    default: MeshConfig.DefaultTrafficPolicy | None = None,
) -> TrafficPolicy:
    """The policy for a port of the rule's host, or of a subset of it; empty when nobody says anything."""
    own = rule.traffic_policy if rule is not None and rule.HasField("traffic_policy") else TrafficPolicy()
    policy = _over_default(of_port(own, port), default)
    return _of_subset(policy, _subset_policy(rule, subset), port) if subset else policy


def of_port(policy: TrafficPolicy, port: int) -> TrafficPolicy:
    """The policy as it is for one port, without port levels."""
    level = port_level(policy, port)
    if level is None:
        return _parts(policy, PORT_PARTS + OTHER_PARTS)
    return _parts(level, PORT_PARTS)


def port_level(policy: TrafficPolicy, port: int) -> TrafficPolicy.PortTrafficPolicy | None:
    """What the policy says for this port alone."""
    return next((p for p in policy.port_level_settings if p.port.number == port), None)


def _subset_policy(rule: DestinationRule | None, name: str) -> TrafficPolicy | None:
    subset = next((s for s in rule.subsets if s.name == name), None) if rule is not None else None
    return subset.traffic_policy if subset is not None and subset.HasField("traffic_policy") else None


def _of_subset(policy: TrafficPolicy, subset: TrafficPolicy | None, port: int) -> TrafficPolicy:
    if subset is None:
        return policy
    kept = OTHER_PARTS if port_level(subset, port) is not None else PORT_PARTS + OTHER_PARTS
    return _overlaid(_parts(policy, kept), of_port(subset, port))


def _over_default(policy: TrafficPolicy, default: MeshConfig.DefaultTrafficPolicy | None) -> TrafficPolicy:
    if default is None:
        return policy
    return _overlaid(_parts(default, ("connection_pool", "outlier_detection")), policy)


def _overlaid(below: TrafficPolicy, above: TrafficPolicy) -> TrafficPolicy:
    """Each part from above, or where it has none from below."""
    missing = tuple(part for part in PORT_PARTS + OTHER_PARTS if not above.HasField(part))
    result = _parts(below, missing)
    result.MergeFrom(above)
    return result


def _parts(
    policy: TrafficPolicy | TrafficPolicy.PortTrafficPolicy | MeshConfig.DefaultTrafficPolicy,
    parts: tuple[str, ...],
) -> TrafficPolicy:
    """A policy with only these parts."""
    return TrafficPolicy(**{part: getattr(policy, part) for part in parts if policy.HasField(part)})
