"""Which rules with a workloadSelector hold for a proxy: what tells it apart from others with the same known.

Few services have such rules, so most proxies of a view have the same (empty) selection and share what is made
from view and selection.
"""

from __future__ import annotations

from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.proxy.facts import fact
from miniistiod.proxy.outbound import Destination, Upstreams, rule_for
from miniistiod.proxy.scope import ProxyScope

Selected = tuple[Destination, ...]


@fact
def selected_rules(scope: ProxyScope) -> Selected:
    """The services whose rule depends on the client's labels, each with the one that holds."""
    known = scope.upstreams
    return tuple(Destination(s, rule_for(known, s, scope.proxy.labels)) for s in with_selectors(known))


def rule_of(known: Upstreams, selected: Selected, service: Service) -> MergedDestinationRule | None:
    """The rule for a service."""
    for each in selected:
        if each.service is service:
            return each.rule
    return rule_for(known, service, {})


@kept
def with_selectors(known: Upstreams) -> tuple[Service, ...]:
    """The services of a view that have rules for some clients only."""
    return tuple(
        service
        for service in known.services
        if any(rule.selector is not None for rule in known.rules.get(service.hostname, ()))
    )
