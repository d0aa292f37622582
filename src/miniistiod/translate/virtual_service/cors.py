"""CorsPolicy → the setting of Envoy's CORS filter for one route. The filter is always enabled for it."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import RuntimeFractionalPercent
from envoy.extensions.filters.http.cors.v3 import cors_pb2
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.networking.virtual_service_pb2 import CorsPolicy
from miniistiod.translate.virtual_service.percent import whole_fraction
from miniistiod.translate.virtual_service.string_match import string_matcher


def cors_policy(cors: CorsPolicy) -> cors_pb2.CorsPolicy:
    """The policy. Preflights from other origins go on to the application unless they are to be ignored."""
    return cors_pb2.CorsPolicy(
        allow_origin_string_match=_origins(cors),
        allow_methods=",".join(cors.allow_methods),
        allow_headers=",".join(cors.allow_headers),
        expose_headers=",".join(cors.expose_headers),
        max_age=str(cors.max_age.seconds) if cors.HasField("max_age") else "",
        allow_credentials=cors.allow_credentials if cors.HasField("allow_credentials") else None,
        filter_enabled=RuntimeFractionalPercent(default_value=whole_fraction(100)),
        forward_not_matching_preflights=BoolValue(value=cors.unmatched_preflights != CorsPolicy.IGNORE),
    )


def _origins(cors: CorsPolicy) -> list[StringMatcher]:
    """`allowOrigins`, or else the older list of exact origins; an entry that says nothing is left out."""
    if cors.allow_origins:
        return [string_matcher(origin) for origin in cors.allow_origins if origin.WhichOneof("match_type")]
    return [StringMatcher(exact=origin) for origin in cors.allow_origin]
