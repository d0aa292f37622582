"""OutlierDetection: times, percentages, and a count that needs another field to count at all.

Source: validateOutlierDetection in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.destination_rule_pb2 import OutlierDetection
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning

LOCAL_FAILURES = "consecutiveLocalOriginFailures"


def outlier_detection(outlier: OutlierDetection, steps: Steps) -> Findings:
    """When an endpoint is taken out, of a DestinationRule or of the mesh."""
    if outlier.HasField("base_ejection_time"):
        yield from at((*steps, "baseEjectionTime"), values.duration(outlier.base_ejection_time))
    if outlier.HasField("interval"):
        yield from at((*steps, "interval"), values.duration(outlier.interval))
    if outlier.consecutive_errors:
        remedy = "write consecutive5xxErrors or consecutiveGatewayErrors"
        yield from warning(
            (*steps, "consecutiveErrors"), "consecutiveErrors is deprecated", remedy, "deprecated"
        )
    if outlier.consecutive_local_origin_failures.value and not outlier.split_external_local_origin_errors:
        message = f"{LOCAL_FAILURES} counts only when local failures are told from the server's"
        yield from error((*steps, LOCAL_FAILURES), message, "add splitExternalLocalOriginErrors: true")
    yield from at((*steps, "maxEjectionPercent"), values.whole_percent(outlier.max_ejection_percent))
    yield from at((*steps, "minHealthPercent"), values.whole_percent(outlier.min_health_percent))
