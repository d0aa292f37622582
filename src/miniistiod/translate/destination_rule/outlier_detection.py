"""OutlierDetection → Cluster.outlier_detection, and the responses that count as errors.

Ejection by success rate is never on. A count of 0 switches its kind of ejection off.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.cluster.v3 import outlier_detection_pb2
from envoy.config.common.matcher.v3.matcher_pb2 import HttpHeadersMatch, MatchPredicate
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.destination_rule_pb2 import OutlierDetection

OFF = UInt32Value(value=0)
ALWAYS = UInt32Value(value=100)


def outlier_detection(outlier: OutlierDetection | None) -> outlier_detection_pb2.OutlierDetection | None:
    """What Envoy ejects endpoints for, or None when it ejects none."""
    if outlier is None:
        return None
    detection = outlier_detection_pb2.OutlierDetection(
        enforcing_success_rate=OFF,
        interval=outlier.interval if outlier.HasField("interval") else None,
        base_ejection_time=outlier.base_ejection_time if outlier.HasField("base_ejection_time") else None,
        max_ejection_percent=_positive(outlier.max_ejection_percent),
        split_external_local_origin_errors=outlier.split_external_local_origin_errors,
        enforcing_local_origin_success_rate=OFF if outlier.split_external_local_origin_errors else None,
    )
    for fragment in (_server_errors(outlier), _gateway_errors(outlier), _local_failures(outlier)):
        detection.MergeFrom(fragment)
    return detection


def error_matcher(codes: Iterable[int]) -> MatchPredicate | None:
    """The responses that count as errors in place of every 5xx, or None for the usual ones."""
    rules = [_status(code) for code in codes]
    if len(rules) < 2:
        return rules[0] if rules else None
    return MatchPredicate(or_match=MatchPredicate.MatchSet(rules=rules))


def _server_errors(outlier: OutlierDetection) -> outlier_detection_pb2.OutlierDetection:
    if not outlier.HasField("consecutive_5xx_errors"):
        return outlier_detection_pb2.OutlierDetection()
    return outlier_detection_pb2.OutlierDetection(
        consecutive_5xx=outlier.consecutive_5xx_errors,
        enforcing_consecutive_5xx=ALWAYS if outlier.consecutive_5xx_errors.value else OFF,
    )


def _gateway_errors(outlier: OutlierDetection) -> outlier_detection_pb2.OutlierDetection:
    if not outlier.HasField("consecutive_gateway_errors"):
        return outlier_detection_pb2.OutlierDetection()
    return outlier_detection_pb2.OutlierDetection(
        consecutive_gateway_failure=outlier.consecutive_gateway_errors,
        enforcing_consecutive_gateway_failure=ALWAYS if outlier.consecutive_gateway_errors.value else OFF,
    )


def _local_failures(outlier: OutlierDetection) -> outlier_detection_pb2.OutlierDetection:
    """They count on their own only when they are told apart from what the upstream answers."""
    if not (outlier.split_external_local_origin_errors and outlier.consecutive_local_origin_failures.value):
        return outlier_detection_pb2.OutlierDetection()
    return outlier_detection_pb2.OutlierDetection(
        consecutive_local_origin_failure=outlier.consecutive_local_origin_failures,
        enforcing_consecutive_local_origin_failure=ALWAYS,
    )


def _positive(value: int) -> UInt32Value | None:
    return UInt32Value(value=value) if value > 0 else None


def _status(code: int) -> MatchPredicate:
    matcher = HeaderMatcher(name=":status", string_match=StringMatcher(exact=str(code)))
    return MatchPredicate(http_response_headers_match=HttpHeadersMatch(headers=[matcher]))
