"""Percent → FractionalPercent: a double in percent becomes millionths, rounded down."""

from __future__ import annotations

from envoy.type.v3.percent_pb2 import FractionalPercent

from miniistiod.api.istio.networking.virtual_service_pb2 import Percent


def fraction(percent: Percent) -> FractionalPercent:
    """So many of a million."""
    return FractionalPercent(numerator=int(percent.value * 10_000), denominator=FractionalPercent.MILLION)


def whole_fraction(percent: int) -> FractionalPercent:
    """So many of a hundred."""
    return FractionalPercent(numerator=percent, denominator=FractionalPercent.HUNDRED)
