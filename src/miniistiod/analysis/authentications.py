"""RequestAuthentications: checked tokens that nobody requires. A request without a token passes them."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.authorizations import in_reach
from miniistiod.analysis.message import INFO, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object

TOKEN = ("request_principals", "not_request_principals")


def analyser(world: World) -> Iterator[Diagnostic]:
    """Those with rules for whose workloads no policy asks for a token."""
    asking = [p for p in world.store.of(AuthorizationPolicy) if asks_for_token(p.message)]
    for each in world.store.of(RequestAuthentication):
        meant = [w for w in world.workloads if in_reach(each, w, world)]
        required = any(in_reach(policy, w, world) for policy in asking for w in meant)
        same = any(shared(each, policy) for policy in asking)
        if each.message.jwt_rules and meant and not required and not same:
            yield message(
                INFO,
                "jwt-not-required",
                each,
                "spec.jwtRules",
                "tokens are checked, but no AuthorizationPolicy for these workloads requires one",
                "a request without a token passes (only a bad token gets 401)",
                'add an AuthorizationPolicy with from.source.requestPrincipals: ["*"]',
            )


def shared(one: Object[RequestAuthentication], policy: Object[AuthorizationPolicy]) -> bool:
    """Whether both name the same gateway."""
    return any(a == b for a in one.message.targetRefs for b in policy.message.targetRefs)


def asks_for_token(policy: AuthorizationPolicy) -> bool:
    """Whether any rule looks at the identity or a claim of a token, or hands the question on."""
    if policy.action == AuthorizationPolicy.CUSTOM:
        return True
    for rule in policy.rules:
        sources = [each.source for each in getattr(rule, "from")]
        if any(getattr(source, field) for source in sources for field in TOKEN):
            return True
        if any(condition.key.startswith("request.auth.") for condition in rule.when):
            return True
    return False
