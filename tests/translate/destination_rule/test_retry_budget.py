"""A field that Envoy has and our messages may not have yet is sent all the same."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.networking.destination_rule_pb2 import TrafficPolicy
from miniistiod.translate.destination_rule.retry_budget import retry_budget


def test_the_interval_is_field_three() -> None:
    interval = Duration(seconds=10)
    made = retry_budget(TrafficPolicy.RetryBudget(budget_interval=interval))
    assert made is not None
    plain = retry_budget(TrafficPolicy.RetryBudget())
    assert plain is not None
    sent = made.SerializeToString()
    tag = bytes([3 << 3 | 2, interval.ByteSize()]) + interval.SerializeToString()
    assert sent == plain.SerializeToString() + tag
