"""The policies in force on a workload and one request → what Envoy does with it, and which rule decides.

It asks the very rules that Envoy is sent, in Envoy's order: CUSTOM, AUDIT, DENY, ALLOW.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.config.objects import Object
from miniistiod.generate.authorization_filters import Policies, dry_run
from miniistiod.translate.authorization_policy import rbac
from miniistiod.translate.authorization_policy.enforcement import Enforcement
from miniistiod.vocab.asked import Asked
from miniistiod.vocab.rbac_match import policy_matches

Policy = Object[AuthorizationPolicy]
Action = Literal["allowed", "denied"]


@dataclass(frozen=True, slots=True)
class Deciding:
    """A rule that matched: its policy and its place in it, from 0. `dry`: it is only counted."""

    policy: Policy
    rule: int
    dry: bool

    @property
    def name(self) -> str:
        """As Envoy's access log and statistics have it."""
        return f"ns[{self.policy.namespace}]-policy[{self.policy.name}]-rule[{self.rule}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens and why. `by` is the rule that decides; None when the absence of a match does.

    `asks` are the providers whose service decides first. `noted` are rules that matched without deciding:
    AUDIT, and dry runs.
    """

    action: Action
    reason: str
    by: Deciding | None = None
    asks: tuple[str, ...] = ()
    noted: tuple[Deciding, ...] = ()


def verdict(policies: Policies, trust_domains: tuple[str, ...], asked: Asked, tcp: bool) -> Verdict:
    """The verdict on one request, or with `tcp` on one connection."""
    matched = {
        action: tuple(_matched(policies, action, trust_domains, asked, tcp))
        for action in (
            AuthorizationPolicy.CUSTOM,
            AuthorizationPolicy.AUDIT,
            AuthorizationPolicy.DENY,
            AuthorizationPolicy.ALLOW,
        )
    }
    custom = matched[AuthorizationPolicy.CUSTOM]
    asks = tuple(dict.fromkeys(d.policy.message.provider.name for d in custom if not d.dry))
    noted = (
        *matched[AuthorizationPolicy.AUDIT],
        *(d for found in matched.values() for d in found if d.dry),
    )
    action, reason, by = _decision(
        policies, matched[AuthorizationPolicy.DENY], matched[AuthorizationPolicy.ALLOW]
    )
    return Verdict(action, reason, by, asks, noted)


def _decision(
    policies: Policies, denying: Sequence[Deciding], allowing: Sequence[Deciding]
) -> tuple[Action, str, Deciding | None]:
    deny = _first(denying)
    if deny is not None:
        return "denied", "a DENY policy matches", deny
    allow = _first(allowing)
    if allow is not None:
        return "allowed", "an ALLOW policy matches", allow
    if any(p.message.action == AuthorizationPolicy.ALLOW and not dry_run(p) for p in policies):
        return "denied", "there are ALLOW policies, and none matches", None
    return "allowed", "no DENY policy matches, and there is no ALLOW policy", None


def _first(matching: Sequence[Deciding]) -> Deciding | None:
    """The one that Envoy names: it goes through the rules of a filter in the order of their names."""
    return min((d for d in matching if not d.dry), key=lambda d: d.name, default=None)


def _matched(
    policies: Policies, action: int, trust_domains: tuple[str, ...], asked: Asked, tcp: bool
) -> Iterator[Deciding]:
    for policy in policies:
        if policy.message.action == action:
            strict = action == AuthorizationPolicy.ALLOW
            where = Enforcement(tcp, strict, policy.namespace, trust_domains)
            for name, rule in rbac.policies(policy.message, policy.name, where):
                if policy_matches(rule, asked):
                    yield Deciding(policy, int(name[name.rindex("[") + 1 : -1]), dry_run(policy))
