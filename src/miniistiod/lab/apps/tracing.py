"""Which headers of a request a workload passes on to the services it calls.

Envoy starts a trace but cannot tell which outgoing request belongs to which incoming one: the application
has to hand these headers on. `end-user` is what Bookinfo's routing exercises match.
"""

from __future__ import annotations

from collections.abc import Mapping

FORWARDED = (
    "end-user",
    "x-request-id",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "b3",
    "traceparent",
    "tracestate",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-ot-span-context",
    "sw8",
    "authorization",
    "user-agent",
)
"""The trace headers of Zipkin, W3C, OpenCensus, Datadog, Lightstep and SkyWalking, and who asks."""


def forwarded_headers(incoming: Mapping[str, str]) -> dict[str, str]:
    """The headers of an outgoing request that belongs to this incoming one; names in lower case."""
    return {name: incoming[name] for name in FORWARDED if name in incoming}
