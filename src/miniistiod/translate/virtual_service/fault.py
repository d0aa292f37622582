"""HTTPFaultInjection → HTTPFault, the setting of Envoy's fault filter for one route.

A delay or abort without a percentage gets an empty fraction, so it never fires.
"""

from __future__ import annotations

from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay
from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPFaultInjection
from miniistiod.translate.virtual_service.percent import fraction, whole_fraction
from miniistiod.vocab.grpc_status import GRPC_STATUS


def fault(injection: HTTPFaultInjection) -> HTTPFault:
    """The faults; exponential delays and HTTP/2 errors are not offered by Istio and left out."""
    return HTTPFault(delay=_delay(injection), abort=_abort(injection))


def _delay(injection: HTTPFaultInjection) -> FaultDelay | None:
    delay = injection.delay
    if not (injection.HasField("delay") and delay.HasField("fixed_delay")):
        return None
    share = fraction(delay.percentage) if delay.HasField("percentage") else whole_fraction(delay.percent)
    return FaultDelay(fixed_delay=delay.fixed_delay, percentage=share)


def _abort(injection: HTTPFaultInjection) -> FaultAbort | None:
    if not injection.HasField("abort"):
        return None
    abort = injection.abort
    share = fraction(abort.percentage) if abort.HasField("percentage") else None
    match abort.WhichOneof("error_type"):
        case "http_status":
            return FaultAbort(http_status=abort.http_status, percentage=share)
        case "grpc_status":
            return FaultAbort(grpc_status=GRPC_STATUS.get(abort.grpc_status, 0), percentage=share)
    return None
