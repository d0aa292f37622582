"""DestinationRules: hosts, ports, subsets with nothing behind them; unverified servers; subsets twice."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.destination_rule_pb2 import (
    ClientTLSSettings,
    DestinationRule,
    TrafficPolicy,
)
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.destination_rules import Document, MergedDestinationRule
from miniistiod.mesh.hosts import full_name, is_wildcard
from miniistiod.mesh.service import Service

Rule = Object[DestinationRule]
VERIFYING = (ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL)


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    for rule in world.store.of(DestinationRule):
        host = full_name(rule.message.host, rule.namespace, world.mesh.settings.domain)
        services = of_host(host, rule.namespace, world)
        if not services:
            yield no_host(rule, host)
        for service in services[:1]:
            yield from wrong_ports(rule, service)
            if not is_wildcard(host):
                yield from empty_subsets(rule, service, world)
        yield from unverified(rule)
    yield from repeated_subsets(world)


def of_host(host: str, namespace: str, world: World) -> list[Service]:
    """The services a rule is for."""
    if is_wildcard(host):
        return world.covered(host, namespace)
    found = world.service(host, namespace)
    return [] if found is None else [found]


def no_host(rule: Rule, host: str) -> Diagnostic:
    """Nothing has this name."""
    return message(
        WARNING,
        "IST0174",
        rule,
        "spec.host",
        f"no service {host} is visible in namespace {rule.namespace}",
        "the rule does nothing; a VirtualService that uses its subsets gives 503 (NC)",
        "correct the host, or write it in full: NAME.NAMESPACE.svc.cluster.local",
    )


def policies(rule: Rule) -> Iterator[tuple[str, TrafficPolicy]]:
    """The policy of the rule and those of its subsets, with their paths."""
    yield "spec.trafficPolicy", rule.message.traffic_policy
    for index, subset in enumerate(rule.message.subsets):
        yield f"spec.subsets[{index}].trafficPolicy", subset.traffic_policy


def wrong_ports(rule: Rule, service: Service) -> Iterator[Diagnostic]:
    """Settings for a port that the service lacks."""
    has = ", ".join(str(port.number) for port in service.ports)
    for path, policy in policies(rule):
        for index, each in enumerate(policy.port_level_settings):
            if service.port(each.port.number) is None:
                yield message(
                    WARNING,
                    "unknown-port",
                    rule,
                    f"{path}.portLevelSettings[{index}].port",
                    f"{service.hostname} has no port {each.port.number}, only {has}",
                    "these settings do nothing",
                    f"write a port of the Service (not its targetPort): {has}",
                )


def empty_subsets(rule: Rule, service: Service, world: World) -> Iterator[Diagnostic]:
    """Subsets whose labels no workload of the service has."""
    if not service.selector and not world.mesh.endpoints.of(service).all:
        return
    endpoints = world.mesh.endpoints.of(service).all
    for index, subset in enumerate(rule.message.subsets):
        if any(each.selected_by(subset.labels) for each in endpoints):
            continue
        both = {**service.selector, **subset.labels}
        if not service.selector or not world.selected(service.namespace, both):
            wanted = ", ".join(f"{k}={v}" for k, v in sorted(subset.labels.items()))
            yield message(
                ERROR,
                "IST0173",
                rule,
                f"spec.subsets[{index}].labels",
                f"subset {subset.name} selects no workload of {service.hostname} ({wanted})",
                "requests to it get 503 (UH)",
                "correct the labels, or start such a workload",
            )


def unverified(rule: Rule) -> Iterator[Diagnostic]:
    """TLS to a server whose certificate nobody checks."""
    policy = rule.message.traffic_policy
    places = [("IST0128", "spec.trafficPolicy.tls", policy.tls, "")]
    for index, each in enumerate(policy.port_level_settings):
        path = f"spec.trafficPolicy.portLevelSettings[{index}].tls"
        places.append(("IST0129", path, each.tls, f" at port {each.port.number}"))
    for code, path, tls, where in places:
        by_secret = bool(tls.credential_name) and rule.message.HasField("workload_selector")
        if tls.mode in VERIFYING and not tls.ca_certificates and not by_secret:
            mode = ClientTLSSettings.TLSmode.Name(tls.mode)
            yield message(
                WARNING,
                code,
                rule,
                path,
                f"tls.mode {mode} for {rule.message.host}{where} has no caCertificates",
                "the roots of the proxy's system are used, or nobody's: another server may pass as this one",
                "add caCertificates (system: /etc/ssl/certs/ca-certificates.crt) and subjectAltNames",
            )


def repeated_subsets(world: World) -> Iterator[Diagnostic]:
    """Subsets and policies of a second rule for a host that the first has already."""
    for hosts in world.mesh.destination_rules.local.values():
        for rules in (*hosts.exact.values(), *hosts.wildcard.values()):
            for rule in rules:
                yield from repeated_in(rule)


def repeated_in(rule: MergedDestinationRule) -> Iterator[Diagnostic]:
    """Those of one merged rule."""
    known: dict[str, Document] = {}
    yield from idle_policies(rule)
    for source in rule.sources:
        names = [subset.name for subset in source.message.subsets]
        for index, name in enumerate(names):
            if name in known:
                first = known[name]
                yield message(
                    WARNING,
                    "repeated-subset",
                    source,
                    f"spec.subsets[{index}]",
                    f"subset {name} of {rule.message.host} stands in DestinationRule {first.name} "
                    f"({first.origin}) already",
                    "the older one wins, this one does nothing",
                    "give it another name, or take one of the two out",
                )
        known = {**dict.fromkeys(names, source), **known}


def idle_policies(rule: MergedDestinationRule) -> Iterator[Diagnostic]:
    """Policies for the whole host beside that of an older rule."""
    having = [source for source in rule.sources if source.message.HasField("traffic_policy")]
    for source in having[1:]:
        yield message(
            WARNING,
            "repeated-policy",
            source,
            "spec.trafficPolicy",
            f"{having[0].name} ({having[0].origin}) has a trafficPolicy for {rule.message.host} already",
            "the older one wins, this one does nothing",
            "merge the two into one DestinationRule",
        )
