"""Telemetry.accessLogging → the access logs of a listener, each with the conditions for writing it.

Which providers apply, and with which filter, was chosen by mesh/telemetry.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.accesslog.v3.accesslog_pb2 import (
    AccessLog,
    AccessLogFilter,
    AndFilter,
    ExtensionFilter,
    ResponseFlagFilter,
)
from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import ExpressionFilter

from miniistiod.api.istio.telemetry.telemetry_pb2 import AccessLogging
from miniistiod.vocab.packing import packed

NO_ROUTE = AccessLogFilter(response_flag_filter=ResponseFlagFilter(flags=["NR"]))
"""A listener logs only what no filter chain took; everything else is in its chain's own log."""


def filtered(log: AccessLog, *conditions: AccessLogFilter | None) -> AccessLog:
    """The log, written only when all of the conditions hold."""
    return AccessLog(name=log.name, typed_config=log.typed_config, filter=_all_of(conditions))


def expression(chosen: AccessLogging.Filter | None) -> AccessLogFilter | None:
    """A CEL expression as a condition."""
    if chosen is None:
        return None
    return AccessLogFilter(
        extension_filter=ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=packed(ExpressionFilter(expression=chosen.expression)),
        )
    )


def _all_of(conditions: Iterable[AccessLogFilter | None]) -> AccessLogFilter | None:
    real = [condition for condition in conditions if condition is not None]
    if len(real) > 1:
        return AccessLogFilter(and_filter=AndFilter(filters=real))
    return real[0] if real else None
