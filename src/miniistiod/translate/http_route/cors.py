"""HTTPCORSFilter → CorsPolicy. Origins may have wildcards; preflights of other origins are not passed on."""

from __future__ import annotations

import re

from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPCORSFilter
from miniistiod.api.istio.networking.virtual_service_pb2 import CorsPolicy, StringMatch

ANY_ORIGIN = r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+$"
"""Scheme, host and perhaps a port, as RFC 6454 has origins."""

MAX_AGE = 5
"""Seconds, where the filter says nothing."""

SPECIAL = re.compile(r"[\\.+?()|\[\]{}^$]")


def cors(cors_filter: HTTPCORSFilter) -> CorsPolicy:
    """The policy."""
    return CorsPolicy(
        allow_origins=[_origin(origin) for origin in cors_filter.allow_origins if origin],
        allow_methods=cors_filter.allow_methods,
        allow_headers=cors_filter.allow_headers,
        expose_headers=cors_filter.expose_headers,
        max_age=_max_age(cors_filter),
        allow_credentials=BoolValue(value=True) if cors_filter.allow_credentials else None,
        unmatched_preflights=CorsPolicy.IGNORE,
    )


def _max_age(cors_filter: HTTPCORSFilter) -> Duration | None:
    seconds = cors_filter.max_age if cors_filter.HasField("max_age") else MAX_AGE
    return Duration(seconds=seconds) if seconds > 0 else None


def _origin(origin: str) -> StringMatch:
    if origin == "*":
        return StringMatch(regex=ANY_ORIGIN)
    if "*" not in origin:
        return StringMatch(exact=origin)
    if origin.count("*") == 1 and origin.endswith("*"):
        return StringMatch(prefix=origin[:-1])
    escaped = SPECIAL.sub(r"\\\g<0>", origin).replace("*", ".*")
    return StringMatch(regex=f"^{escaped}$")
