"""The AuthorizationPolicies in force on a workload → its rbac and ext_authz filters, for HTTP and for TCP.

CUSTOM comes before the JWT filter, and AUDIT, DENY and ALLOW after it: the listener places the two groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Policy
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac

from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.config.objects import Object
from miniistiod.generate.authorization_providers import Asked, Providers
from miniistiod.mesh.kept import kept
from miniistiod.translate.authorization_policy import rbac
from miniistiod.translate.authorization_policy.enforcement import Enforcement
from miniistiod.vocab.packing import packed

Policies = tuple[Object[AuthorizationPolicy], ...]

DRY_RUN = "istio.io/dry-run"
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})

LOCAL_ACTIONS = (
    (AuthorizationPolicy.AUDIT, RBAC.LOG),
    (AuthorizationPolicy.DENY, RBAC.DENY),
    (AuthorizationPolicy.ALLOW, RBAC.ALLOW),
)
"""What Envoy decides by itself, in the order it is asked: a DENY is final, so it comes before ALLOW."""

BAD_CUSTOM = "-deny-due-to-bad-CUSTOM-action"


@dataclass(frozen=True, slots=True)
class Rules:
    """One filter's rules: those that are enforced and those that are only counted (dry-run)."""

    enforced: RBAC | None
    shadow: RBAC | None


@kept
def local_http_filters(policies: Policies, trust_domains: tuple[str, ...]) -> tuple[HttpFilter, ...]:
    """AUDIT, DENY and ALLOW for HTTP."""
    found = local_rules(policies, trust_domains, tcp=False)
    return tuple(_http(HttpRbac(**_fields(rules))) for rules in found)


@kept
def local_network_filters(policies: Policies, trust_domains: tuple[str, ...]) -> tuple[Filter, ...]:
    """AUDIT, DENY and ALLOW for TCP."""
    found = local_rules(policies, trust_domains, tcp=True)
    return tuple(_network(NetworkRbac(stat_prefix="tcp.", **_fields(rules))) for rules in found)


@kept
def custom_http_filters(
    policies: Policies, trust_domains: tuple[str, ...], providers: Providers
) -> tuple[HttpFilter, ...]:
    """CUSTOM for HTTP: an rbac filter that notes a match, and the filter that then asks the provider."""
    filters: list[HttpFilter] = []
    for custom, asked in _custom(policies, trust_domains, providers, tcp=False):
        if asked is None:
            filters.append(_http(HttpRbac(rules=denied(custom))))
            continue
        filters.append(_http(HttpRbac(**_noting(custom))))
        filters.append(HttpFilter(name="envoy.filters.http.ext_authz", typed_config=packed(asked.http)))
    return tuple(filters)


@kept
def custom_network_filters(
    policies: Policies, trust_domains: tuple[str, ...], providers: Providers
) -> tuple[Filter, ...]:
    """CUSTOM for TCP; a provider that speaks HTTP cannot be asked there, and adds nothing."""
    filters: list[Filter] = []
    for custom, asked in _custom(policies, trust_domains, providers, tcp=True):
        if asked is None:
            filters.append(_network(NetworkRbac(stat_prefix="tcp.", rules=denied(custom))))
        elif asked.network is not None:
            filters.append(_network(NetworkRbac(stat_prefix="tcp.", **_noting(custom))))
            filters.append(Filter(name="envoy.filters.network.ext_authz", typed_config=packed(asked.network)))
    return tuple(filters)


def local_rules(policies: Policies, trust_domains: tuple[str, ...], tcp: bool) -> Iterator[Rules]:
    """The rules of each action that has a policy, in the order of enforcement."""
    for action, envoy_action in LOCAL_ACTIONS:
        chosen = [p for p in policies if p.message.action == action]
        if chosen:
            yield Rules(
                _rbac([p for p in chosen if not dry_run(p)], envoy_action, trust_domains, tcp),
                _rbac([p for p in chosen if dry_run(p)], envoy_action, trust_domains, tcp),
            )


def is_custom(policy: Object[AuthorizationPolicy]) -> bool:
    """Whether another service decides."""
    return policy.message.action == AuthorizationPolicy.CUSTOM


def dry_run(policy: Object[AuthorizationPolicy]) -> bool:
    """Whether the policy is only counted."""
    return policy.annotations.get(DRY_RUN) in TRUE


def _custom(
    policies: Policies, trust_domains: tuple[str, ...], providers: Providers, tcp: bool
) -> Iterator[tuple[Rules, Asked | None]]:
    """The rules of each provider, with the filters to ask it: None when it is unusable, or one of several."""
    by_provider: dict[str, list[Object[AuthorizationPolicy]]] = {}
    for policy in policies:
        if is_custom(policy):
            by_provider.setdefault(policy.message.provider.name, []).append(policy)
    for name in sorted(by_provider):
        rules = _custom_rules(name, by_provider[name], trust_domains, tcp)
        yield rules, providers.asked.get(name) if len(by_provider) == 1 else None


def _custom_rules(
    provider: str, policies: Sequence[Object[AuthorizationPolicy]], trust_domains: tuple[str, ...], tcp: bool
) -> Rules:
    prefix = rbac.custom_prefix(provider)
    enforced = [p for p in policies if not dry_run(p)]
    trial = [p for p in policies if dry_run(p)]
    return Rules(
        RBAC(action=RBAC.DENY, policies=dict(_named(enforced, RBAC.DENY, trust_domains, tcp, prefix))),
        RBAC(action=RBAC.DENY, policies=dict(_named(trial, RBAC.DENY, trust_domains, tcp, prefix))),
    )


def _noting(custom: Rules) -> Mapping[str, object]:
    """Nothing is denied here: shadow rules only leave their name for ext_authz. Dry-run rules are put, as by
    istiod, where they do take effect.
    """
    trial = custom.shadow if custom.shadow is not None and custom.shadow.policies else None
    return {
        "shadow_rules": custom.enforced,
        "rules": trial,
        "shadow_rules_stat_prefix": rbac.EXT_AUTHZ_SHADOW_PREFIX,
    }


def denied(custom: Rules) -> RBAC:
    """What CUSTOM policies with an unusable provider become: they deny what they match."""
    policies = custom.enforced.policies if custom.enforced is not None else {}
    return RBAC(action=RBAC.DENY, policies={f"{name}{BAD_CUSTOM}": policies[name] for name in policies})


def _rbac(
    policies: Sequence[Object[AuthorizationPolicy]], action: int, trust_domains: tuple[str, ...], tcp: bool
) -> RBAC | None:
    """None without a policy; with one whose rules were all left out, an RBAC without rules."""
    if not policies:
        return None
    return RBAC(action=action, policies=dict(_named(policies, action, trust_domains, tcp)))


def _named(
    policies: Iterable[Object[AuthorizationPolicy]],
    action: int,
    trust_domains: tuple[str, ...],
    tcp: bool,
    prefix: str = "",
) -> Iterator[tuple[str, Policy]]:
    for policy in policies:
        where = Enforcement(tcp, action == RBAC.ALLOW, policy.namespace, trust_domains)
        yield from rbac.policies(policy.message, policy.name, where, prefix)


def _fields(rules: Rules) -> Mapping[str, object]:
    return {
        "rules": rules.enforced,
        "shadow_rules": rules.shadow,
        "shadow_rules_stat_prefix": rbac.shadow_prefix(rules.shadow),
    }


def _http(config: HttpRbac) -> HttpFilter:
    return HttpFilter(name="envoy.filters.http.rbac", typed_config=packed(config))


def _network(config: NetworkRbac) -> Filter:
    return Filter(name="envoy.filters.network.rbac", typed_config=packed(config))
