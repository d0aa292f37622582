"""JWTRule → JwtProvider: whose tokens, where they are, how they are verified, what is passed on."""

from __future__ import annotations

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtClaimToHeader, JwtHeader, JwtProvider

from miniistiod.api.istio.security.request_authentication_pb2 import JWTRule

PAYLOAD = "payload"
"""Where the claims of a verified token go in the metadata, for claim routing and authorization."""

ALWAYS_SPACE_DELIMITED = frozenset({"permission", "scope"})


def provider(rule: JWTRule, key_set: str, clear_route_cache: bool) -> JwtProvider:
    """`key_set` is the JWKS to verify with. `clear_route_cache` lets claims choose the route (gateways)."""
    return JwtProvider(
        issuer=rule.issuer,
        audiences=rule.audiences,
        local_jwks=DataSource(inline_string=key_set),
        forward=rule.forward_original_token,
        forward_payload_header=rule.output_payload_to_header,
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata=_space_delimited(rule.space_delimited_claims),
        from_headers=[JwtHeader(name=h.name, value_prefix=h.prefix) for h in rule.from_headers],
        from_params=rule.from_params,
        from_cookies=rule.from_cookies,
        claim_to_headers=[
            JwtClaimToHeader(header_name=c.header, claim_name=c.claim) for c in rule.output_claim_to_headers
        ],
        clear_route_cache=clear_route_cache,
    )


def _space_delimited(claims: Sequence[str]) -> JwtProvider.NormalizePayload:
    """Claims whose one string is read as a list of words."""
    return JwtProvider.NormalizePayload(space_delimited_claims=sorted(ALWAYS_SPACE_DELIMITED.union(claims)))
