"""The policy in force for one cluster: its DestinationRule's for port and subset, over the mesh's default.

Shared by clusters and endpoints, so that both follow the same rule. Kept, because many clusters ask again.
"""

from __future__ import annotations

from dataclasses import dataclass

from miniistiod.api.istio.networking.destination_rule_pb2 import (
    ConnectionPoolSettings,
    LoadBalancerSettings,
    OutlierDetection,
    TrafficPolicy,
)
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.destination_rule.load_balancer import is_passthrough
from miniistiod.translate.destination_rule.locality_lb_setting import LocalityRule, locality_rule
from miniistiod.translate.destination_rule.traffic_policy import traffic_policy


@dataclass(frozen=True, slots=True, eq=False)
class ClusterPolicy:
    """One policy, as a key. Its parts are None where nobody says anything."""

    message: TrafficPolicy
    locality: LocalityRule | None

    @property
    def pool(self) -> ConnectionPoolSettings | None:
        """Limits of connections."""
        return self.message.connection_pool if self.message.HasField("connection_pool") else None

    @property
    def balancer(self) -> LoadBalancerSettings | None:
        """How an endpoint is chosen."""
        return self.message.load_balancer if self.message.HasField("load_balancer") else None

    @property
    def outlier(self) -> OutlierDetection | None:
        """What endpoints are ejected for."""
        return self.message.outlier_detection if self.message.HasField("outlier_detection") else None

    @property
    def retry_budget(self) -> TrafficPolicy.RetryBudget | None:
        """The share of retries."""
        return self.message.retry_budget if self.message.HasField("retry_budget") else None

    @property
    def proxy_protocol(self) -> TrafficPolicy.ProxyProtocol | None:
        """Whether the upstream is told of the client."""
        return self.message.proxy_protocol if self.message.HasField("proxy_protocol") else None

    @property
    def passthrough(self) -> bool:
        """Whether the client's original destination is the endpoint."""
        return is_passthrough(self.balancer)


@kept
def cluster_policy(
    rule: MergedDestinationRule | None,
    port: int,
    subset: str,
    traffic_distribution: str,
    settings: MeshSettings,
) -> ClusterPolicy:
    """The policy of a cluster."""
    default = settings.config.default_traffic_policy
    used = default if settings.config.HasField("default_traffic_policy") else None
    message = traffic_policy(rule.message if rule is not None else None, port, subset, used)
    return _policy(message, traffic_distribution, settings)


def inherits_passthrough(
    rule: MergedDestinationRule | None, port: int, subset: str, settings: MeshSettings
) -> bool:
    """Whether a subset goes where the client wanted to go because the policy for all of its port says so. Its
    cluster takes that type from the port's own one, whatever balancer its policy asks for."""
    return bool(subset) and cluster_policy(rule, port, "", "", settings).passthrough


@kept
def endpoint_policy(
    rule: MergedDestinationRule | None,
    port: int,
    subset: str,
    traffic_distribution: str,
    settings: MeshSettings,
) -> ClusterPolicy:
    """The policy as its endpoints follow it: the mesh's default plays no part in failover over EDS."""
    message = traffic_policy(rule.message if rule is not None else None, port, subset)
    return _policy(message, traffic_distribution, settings)


def _policy(message: TrafficPolicy, traffic_distribution: str, settings: MeshSettings) -> ClusterPolicy:
    own = message.load_balancer if message.HasField("load_balancer") else None
    return ClusterPolicy(message, locality_rule(own, settings.config, traffic_distribution))
