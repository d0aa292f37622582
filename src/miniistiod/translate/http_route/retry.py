"""HTTPRouteRetry and HTTPRouteTimeouts → HTTPRetry and the timeout of a rule.

A timeout of the backend is that of each try where there are retries, else that of the request.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPRouteRule
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRetry
from miniistiod.translate.http_route.duration import duration

ALWAYS = ("connect-failure", "refused-stream", "unavailable", "cancelled")
"""A retry stanza always means connection errors too."""

ATTEMPTS = 2


def retries(rule: HTTPRouteRule) -> HTTPRetry | None:
    """The retries, None where the rule says nothing of them."""
    if not rule.HasField("retry"):
        return None
    retry = rule.retry
    attempts = retry.attempts if retry.HasField("attempts") else ATTEMPTS
    return HTTPRetry(
        attempts=attempts,
        retry_on=",".join((*ALWAYS, *map(str, retry.codes))) if attempts else "",
        backoff=duration(retry.backoff) if retry.HasField("backoff") else None,
        per_try_timeout=_of_backend(rule),
    )


def timeout(rule: HTTPRouteRule) -> Duration | None:
    """How long the whole request may take, None for ever."""
    of_request = duration(rule.timeouts.request) if rule.timeouts.HasField("request") else None
    of_backend = None if rule.HasField("retry") else _of_backend(rule)
    return of_backend or _limit(of_request)


def _of_backend(rule: HTTPRouteRule) -> Duration | None:
    given = rule.timeouts.HasField("backend_request")
    return _limit(duration(rule.timeouts.backend_request)) if given else None


def _limit(limit: Duration | None) -> Duration | None:
    """Zero is no limit."""
    return limit if limit is not None and limit.ToNanoseconds() else None
