"""The JWTRules in force on a workload → the configuration of its jwt_authn filter.

A request without a token passes; one with a token passes if any rule accepts it. Whether a token is required
is for AuthorizationPolicy to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envoy.config.route.v3.route_components_pb2 import RouteMatch
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import (
    JwtAuthentication,
    JwtRequirement,
    JwtRequirementAndList,
    JwtRequirementOrList,
    RequirementRule,
)
from google.protobuf.empty_pb2 import Empty

from miniistiod.api.istio.security.request_authentication_pb2 import JWTRule
from miniistiod.translate.request_authentication.jwt_rule import provider
from miniistiod.translate.request_authentication.key_set import KeySets, key_set

FILTER = "envoy.filters.http.jwt_authn"


def jwt_authentication(
    rules: Iterable[JWTRule], fetched: KeySets, clear_route_cache: bool
) -> JwtAuthentication | None:
    """None when there is no rule. Rules are numbered in the order of their issuers."""
    ordered = sorted(rules, key=lambda rule: rule.issuer)
    if not ordered:
        return None
    names = [f"origins-{index}" for index in range(len(ordered))]
    return JwtAuthentication(
        providers={
            name: provider(rule, key_set(rule, fetched), clear_route_cache)
            for name, rule in zip(names, ordered, strict=True)
        },
        rules=[RequirementRule(match=RouteMatch(prefix="/"), requires=_requirement(names))],
        bypass_cors_preflight=True,
    )


def _requirement(names: Sequence[str]) -> JwtRequirement:
    """Each rule accepts its token or finds none. With several, one that accepts is enough as well, for rules
    that look in the same place refuse each other's tokens.
    """
    valid_or_missing = [_any([_by(name), JwtRequirement(allow_missing=Empty())]) for name in names]
    if len(names) == 1:
        return valid_or_missing[0]
    all_content = JwtRequirement(requires_all=JwtRequirementAndList(requirements=valid_or_missing))
    return _any([*map(_by, names), all_content])


def _by(name: str) -> JwtRequirement:
    return JwtRequirement(provider_name=name)


def _any(requirements: Sequence[JwtRequirement]) -> JwtRequirement:
    return JwtRequirement(requires_any=JwtRequirementOrList(requirements=requirements))
