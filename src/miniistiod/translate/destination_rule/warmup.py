"""WarmupConfiguration, or the older warmupDurationSecs → Cluster.SlowStartConfig.

The runtime key `(` is Istio's; nobody sets it, so the values given here hold.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import RuntimeDouble
from envoy.type.v3.percent_pb2 import Percent

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings, WarmupConfiguration

RUNTIME_KEY = "("
AGGRESSION = 1.0
"""Traffic to a new endpoint grows linearly."""
MINIMUM_PERCENT = 10.0


def warmup(settings: LoadBalancerSettings) -> Cluster.SlowStartConfig | None:
    """How an endpoint that is new gets its share little by little, or None."""
    if settings.HasField("warmup"):
        return _configured(settings.warmup)
    if settings.HasField("warmup_duration_secs"):
        return Cluster.SlowStartConfig(slow_start_window=settings.warmup_duration_secs)
    return None


def _configured(settings: WarmupConfiguration) -> Cluster.SlowStartConfig:
    aggression = settings.aggression.value if settings.HasField("aggression") else AGGRESSION
    minimum = settings.minimum_percent.value if settings.HasField("minimum_percent") else MINIMUM_PERCENT
    return Cluster.SlowStartConfig(
        slow_start_window=settings.duration if settings.HasField("duration") else None,
        aggression=RuntimeDouble(default_value=aggression, runtime_key=RUNTIME_KEY),
        min_weight_percent=Percent(value=minimum),
    )
