"""TrafficPolicy.RetryBudget → the share of requests that may be retries.

20 %, and 3 at least, unless told otherwise.
"""

from __future__ import annotations

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.type.v3.percent_pb2 import Percent
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import TrafficPolicy

PERCENT = 20.0
CONCURRENCY = 3


def retry_budget(budget: TrafficPolicy.RetryBudget | None) -> CircuitBreakers.Thresholds.RetryBudget | None:
    """The budget, or None: then the number of retries has a limit of its own."""
    if budget is None:
        return None
    return CircuitBreakers.Thresholds.RetryBudget(
        budget_percent=Percent(value=budget.percent.value if budget.HasField("percent") else PERCENT),
        budget_interval=budget.budget_interval if budget.HasField("budget_interval") else None,
        min_retry_concurrency=UInt32Value(value=budget.min_retry_concurrency or CONCURRENCY),
    )
