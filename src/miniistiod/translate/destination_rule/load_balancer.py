"""LoadBalancerSettings.simple, consistentHash and warmup → the balancing fields of a Cluster.

LEAST_REQUEST is the default. PASSTHROUGH turns the cluster into one that goes where the client wanted to go.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from google.protobuf.wrappers_pb2 import UInt64Value

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings
from miniistiod.translate.destination_rule.warmup import warmup

RING_SIZE = 1024
"""Of a ring nobody gave a size, Envoy's own default."""

Simple = LoadBalancerSettings.SimpleLB


def load_balancer(settings: LoadBalancerSettings | None) -> Cluster:
    """A cluster of only lb_policy, lb_config, and the type where the policy decides it."""
    settings = settings or LoadBalancerSettings()
    balancing = _simple(settings)
    if settings.HasField("consistent_hash"):
        balancing.MergeFrom(_hashed(settings.consistent_hash))
    return balancing


def is_passthrough(settings: LoadBalancerSettings | None) -> bool:
    """Whether the client's original destination is the endpoint."""
    return settings is not None and settings.simple == Simple.PASSTHROUGH


def _simple(settings: LoadBalancerSettings) -> Cluster:
    match settings.simple:
        case Simple.PASSTHROUGH:
            return Cluster(lb_policy=Cluster.CLUSTER_PROVIDED, type=Cluster.ORIGINAL_DST)
        case Simple.RANDOM:
            return Cluster(lb_policy=Cluster.RANDOM)
        case Simple.ROUND_ROBIN:
            return _round_robin(warmup(settings))
        case _:
            return _least_request(warmup(settings))


def _round_robin(slow_start: Cluster.SlowStartConfig | None) -> Cluster:
    config = Cluster.RoundRobinLbConfig(slow_start_config=slow_start) if slow_start else None
    return Cluster(lb_policy=Cluster.ROUND_ROBIN, round_robin_lb_config=config)


def _least_request(slow_start: Cluster.SlowStartConfig | None) -> Cluster:
    config = Cluster.LeastRequestLbConfig(slow_start_config=slow_start) if slow_start else None
    return Cluster(lb_policy=Cluster.LEAST_REQUEST, least_request_lb_config=config)


def _hashed(consistent: LoadBalancerSettings.ConsistentHashLB) -> Cluster:
    match consistent.WhichOneof("hash_algorithm"):
        case "maglev":
            size = consistent.maglev.table_size
            maglev = Cluster.MaglevLbConfig(table_size=UInt64Value(value=size)) if size else None
            return Cluster(lb_policy=Cluster.MAGLEV, maglev_lb_config=maglev)
        case "ring_hash":
            return _ring(consistent.ring_hash.minimum_ring_size)
        case _:
            return _ring(consistent.minimum_ring_size or RING_SIZE)


def _ring(size: int) -> Cluster:
    config = Cluster.RingHashLbConfig(minimum_ring_size=UInt64Value(value=size)) if size else None
    return Cluster(lb_policy=Cluster.RING_HASH, ring_hash_lb_config=config)
