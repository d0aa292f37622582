"""TrafficPolicy.RetryBudget → the share of requests that may be retries.

20 %, and 3 at least, unless told otherwise.
"""

from __future__ import annotations

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.type.v3.percent_pb2 import Percent
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import TrafficPolicy
from miniistiod.vocab.wire import entries

PERCENT = 20.0
CONCURRENCY = 3

BUDGET_INTERVAL = 3
"""The number of a field that Envoy 1.40 has and the messages we are built with may not have yet."""


def retry_budget(budget: TrafficPolicy.RetryBudget | None) -> CircuitBreakers.Thresholds.RetryBudget | None:
    """The budget, or None: then the number of retries has a limit of its own."""
    if budget is None:
        return None
    made = CircuitBreakers.Thresholds.RetryBudget(
        budget_percent=Percent(value=budget.percent.value if budget.HasField("percent") else PERCENT),
        min_retry_concurrency=UInt32Value(value=budget.min_retry_concurrency or CONCURRENCY),
    )
    if budget.HasField("budget_interval"):
        made.MergeFromString(entries(BUDGET_INTERVAL, [budget.budget_interval.SerializeToString()]))
    return made
