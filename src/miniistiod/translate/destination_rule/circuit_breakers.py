"""ConnectionPoolSettings and RetryBudget → CircuitBreakers.

Istio lifts Envoy's limits (1024 requests, 3 retries) as far as they go: a limit is what a user asks for.
"""

from __future__ import annotations

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings, TrafficPolicy
from miniistiod.translate.destination_rule.retry_budget import retry_budget

UNLIMITED = 2**32 - 1


def circuit_breakers(
    pool: ConnectionPoolSettings | None, budget: TrafficPolicy.RetryBudget | None = None
) -> CircuitBreakers:
    """The limits of a cluster; 0 is the same as unset."""
    pool = pool or ConnectionPoolSettings()
    thresholds = CircuitBreakers.Thresholds(
        max_connections=_limit(pool.tcp.max_connections),
        max_pending_requests=_limit(pool.http.http1_max_pending_requests),
        max_requests=_limit(pool.http.http2_max_requests),
        max_retries=_limit(pool.http.max_retries),
        retry_budget=retry_budget(budget),
    )
    return CircuitBreakers(thresholds=[thresholds])


def _limit(asked: int) -> UInt32Value:
    return UInt32Value(value=asked if asked > 0 else UNLIMITED)
