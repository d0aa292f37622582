"""AuthorizationPolicies that protect nobody, or name what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.analysis.message import ERROR, WARNING, message
from miniistiod.analysis.selections import labels_text
from miniistiod.analysis.world import Running, World
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.mesh.policies import applies, selector, target_references
from miniistiod.mesh.service import Port, Service

Policy = Object[AuthorizationPolicy]


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    for kind in (AuthorizationPolicy, RequestAuthentication, PeerAuthentication):
        for policy in world.store.of(kind):
            yield from for_nobody(policy, world)
    for each in world.store.of(AuthorizationPolicy):
        yield from namespaces(each, world)
        yield from ports(each, world)


def for_nobody(policy: Object[Any], world: World) -> Iterator[Diagnostic]:
    """No workload is meant; a policy of the root namespace means the whole mesh."""
    if target_references(policy.message):
        return
    wanted = selector(policy.message)
    wide = policy.namespace == world.mesh.settings.root_namespace
    if wide and wanted is None:
        return
    if not world.selected(None if wide else policy.namespace, wanted or {}):
        labels = f" with {labels_text(wanted)}" if wanted else ""
        yield message(
            WARNING,
            "IST0127",
            policy,
            "spec.selector" if wanted else "metadata.namespace",
            f"there is no workload{labels} in {'the mesh' if wide else 'namespace ' + policy.namespace}",
            "the policy does nothing: what it should forbid is allowed (no 403 RBAC, no 401)",
            "correct the selector or the namespace",
        )


def namespaces(policy: Policy, world: World) -> Iterator[Diagnostic]:
    """Namespaces of sources that are not there; one that holds an object is taken to be there."""
    present = {*world.mesh.namespaces, *(w.namespace for w in world.workloads)}
    for i, rule in enumerate(policy.message.rules):
        for j, source in enumerate(getattr(rule, "from")):
            for field in ("namespaces", "not_namespaces"):
                for k, name in enumerate(getattr(source.source, field)):
                    if not any(matches(name, each) for each in present):
                        word = "notNamespaces" if field == "not_namespaces" else field
                        yield message(
                            ERROR,
                            "IST0101",
                            policy,
                            f"spec.rules[{i}].from[{j}].source.{word}[{k}]",
                            f"there is no namespace {name}",
                            "the rule never matches: 403 (RBAC: access denied) where it should allow",
                            "correct the name, or create the namespace",
                        )


def matches(pattern: str, name: str) -> bool:
    """Exact, `prefix*`, `*suffix` or `*`."""
    if pattern == "*":
        return True
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name.lower() == pattern.lower()


def ports(policy: Policy, world: World) -> Iterator[Diagnostic]:
    """Ports on which no selected workload listens, as far as its services tell."""
    if not any(to.operation.ports for rule in policy.message.rules for to in rule.to):
        return
    meant = [w for w in world.workloads if in_reach(policy, w, world)]
    known = {port for w in meant for port in listened(w, world)}
    if not known:
        return
    for i, rule in enumerate(policy.message.rules):
        for j, to in enumerate(rule.to):
            for k, port in enumerate(to.operation.ports):
                if port not in known:
                    yield message(
                        WARNING,
                        "unknown-port",
                        policy,
                        f"spec.rules[{i}].to[{j}].operation.ports[{k}]",
                        f"no selected workload listens on port {port} (they have {', '.join(sorted(known))})",
                        "the rule never matches: an ALLOW gives 403 (RBAC: access denied), a DENY lets pass",
                        "write the port of the workload (targetPort), not the Service's",
                    )


def in_reach(policy: Object[Any], workload: Running, world: World) -> bool:
    """Whether the policy is for this workload."""
    root = world.mesh.settings.root_namespace
    return policy.namespace in (workload.namespace, root) and applies(
        policy, workload.namespace, workload.labels
    )


def listened(workload: Running, world: World) -> Iterator[str]:
    """The ports of a workload that services send to."""
    for service in world.mesh.services.all:
        if (
            service.selector
            and service.namespace == workload.namespace
            and workload.carries(service.selector)
        ):
            for port in service.ports:
                yield from targets(port, service, workload, world)


def targets(port: Port, service: Service, workload: Running, world: World) -> Iterator[str]:
    """The number behind a service port; behind a name, what the workload calls so."""
    if isinstance(port.target, int):
        yield str(port.target or port.number)
        return
    for each in world.mesh.workloads.in_namespace(workload.namespace):
        if port.target in each.port_names and service.selector.items() <= each.labels.items():
            yield str(each.port_names[port.target])
