"""HTTPRetry → RetryPolicy, for calls a sidecar makes and for those it takes in.

Istio retries twice unless told otherwise; `attempts: 0` switches retries off. Status codes among the words of
`retryOn` go to a field of their own, because Envoy has them there.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRetry
from miniistiod.vocab.packing import packed

ATTEMPTS = 2
RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
INBOUND_RETRY_ON = "reset-before-request"
HOST_ATTEMPTS = 5
PRIORITY_UPDATES = 2
CODES = frozenset(int(status) for status in HTTPStatus)
BY_CODE = "retriable-status-codes"


PREVIOUS_HOSTS = RetryPolicy.RetryHostPredicate(
    name="envoy.retry_host_predicates.previous_hosts", typed_config=packed(PreviousHostsPredicate())
)
PREVIOUS_PRIORITIES = RetryPolicy.RetryPriority(
    name="envoy.retry_priorities.previous_priorities",
    typed_config=packed(PreviousPrioritiesConfig(update_frequency=PRIORITY_UPDATES)),
)


def retry_policy(retries: HTTPRetry | None, consistent_hash: bool = False) -> RetryPolicy | None:
    """The policy of an outbound route, or None when retries are off.

    `consistent_hash`: the next try goes where the hash says, so to the same host.
    """
    if retries is None:
        return RetryPolicy(
            num_retries=UInt32Value(value=ATTEMPTS),
            retry_on=RETRY_ON,
            host_selection_retry_max_attempts=HOST_ATTEMPTS,
            retry_host_predicate=[] if consistent_hash else [PREVIOUS_HOSTS],
        )
    if retries.attempts <= 0:
        return None
    words, codes = conditions(retries.retry_on)
    return RetryPolicy(
        num_retries=UInt32Value(value=retries.attempts),
        retry_on=words,
        retriable_status_codes=codes,
        per_try_timeout=retries.per_try_timeout if retries.HasField("per_try_timeout") else None,
        host_selection_retry_max_attempts=HOST_ATTEMPTS,
        retry_host_predicate=[PREVIOUS_HOSTS] if _avoids_previous(retries, consistent_hash) else [],
        retry_priority=PREVIOUS_PRIORITIES if retries.retry_remote_localities.value else None,
        retry_back_off=_back_off(retries),
    )


def inbound_retry_policy(retries: HTTPRetry | None) -> RetryPolicy | None:
    """The policy of an inbound route: only requests that never reached the application are tried again,
    unless the mesh says otherwise; None when it says `attempts: 0`."""
    if retries is None:
        return RetryPolicy(num_retries=UInt32Value(value=ATTEMPTS), retry_on=INBOUND_RETRY_ON)
    if retries.attempts <= 0:
        return None
    words, codes = conditions(retries.retry_on) if retries.retry_on else (INBOUND_RETRY_ON, [])
    return RetryPolicy(
        num_retries=UInt32Value(value=retries.attempts),
        retry_on=words,
        retriable_status_codes=codes,
        retry_back_off=RetryPolicy.RetryBackOff(base_interval=retries.backoff)
        if retries.HasField("backoff")
        else None,
    )


def conditions(retry_on: str) -> tuple[str, list[int]]:
    """The words and the status codes of `retryOn`; the words say when codes count."""
    if not retry_on:
        return RETRY_ON, []
    parts = [part.strip() for part in retry_on.split(",") if part.strip()]
    codes = [int(part) for part in parts if _is_code(part)]
    words = ",".join(part for part in parts if not _is_code(part))
    if codes and BY_CODE not in words:
        words += "," + BY_CODE
    return words, codes


def _is_code(part: str) -> bool:
    return re.fullmatch(r"\+?[0-9]+", part) is not None and int(part) in CODES


def _avoids_previous(retries: HTTPRetry, consistent_hash: bool) -> bool:
    if retries.HasField("retry_ignore_previous_hosts"):
        return retries.retry_ignore_previous_hosts.value
    return not consistent_hash


def _back_off(retries: HTTPRetry) -> RetryPolicy.RetryBackOff | None:
    return RetryPolicy.RetryBackOff(base_interval=retries.backoff) if retries.HasField("backoff") else None
