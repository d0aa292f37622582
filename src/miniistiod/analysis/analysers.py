"""A whole configuration → what is odd in how its objects fit together, with istioctl's codes.

A document by itself is checked in `config`; here is what takes more than one of them to see. One topic, one
file; the tuple below is the order in which they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from miniistiod.analysis import (
    authentications,
    authorizations,
    certificates,
    deployments,
    deprecations,
    destination_rules,
    destinations,
    envoy_filters,
    extensions,
    gateway_bindings,
    gateway_policies,
    gateway_rules,
    gateway_subsets,
    idle_matches,
    istio_annotations,
    mutual_tls,
    namespaces,
    networks,
    port_conflicts,
    privileged_ports,
    providers,
    retries,
    service_entries,
    services,
    sidecars,
    telemetries,
    virtual_services,
)
from miniistiod.analysis.world import World
from miniistiod.config import Diagnostic, Store
from miniistiod.explain.findings import edge_findings
from miniistiod.mesh.mesh import Mesh
from miniistiod.proxy.node import Proxy

Analyser = Callable[[World], Iterator[Diagnostic]]

ANALYSERS: tuple[Analyser, ...] = (
    destinations.analyser,
    virtual_services.analyser,
    gateway_bindings.analyser,
    retries.analyser,
    destination_rules.analyser,
    service_entries.analyser,
    services.analyser,
    sidecars.analyser,
    mutual_tls.analyser,
    authentications.analyser,
    authorizations.analyser,
    telemetries.analyser,
    envoy_filters.analyser,
    extensions.analyser,
    gateway_subsets.analyser,
    gateway_policies.analyser,
    certificates.analyser,
    deployments.analyser,
    namespaces.analyser,
    istio_annotations.analyser,
    networks.analyser,
    port_conflicts.analyser,
    privileged_ports.analyser,
    gateway_rules.analyser,
    idle_matches.analyser,
    providers.analyser,
    deprecations.analyser,
)


SYSTEM = frozenset(("kube-system", "kube-public", "kube-node-lease", "local-path-storage"))
"""Namespaces of Kubernetes itself, whose objects are not the user's."""


SUPPRESS = "galley.istio.io/analyze-suppress"
"""The annotation with codes, or *, that are not to be told of an object."""


def analysis(store: Store, mesh: Mesh, proxies: Iterable[Proxy] = ()) -> tuple[Diagnostic, ...]:
    """Everything the analysers find, each at the line of its field, each once. `proxies` are connected."""
    world = World(store, mesh, tuple(proxies))
    found = dict.fromkeys(each for analyser in ANALYSERS for each in analyser(world))
    found |= dict.fromkeys(edge_findings(store.kinds, mesh))
    wanted = (each for each in found if each.key is None or each.key[1] not in SYSTEM)
    return tuple(placed for each in wanted if (placed := located(each, store)) is not None)


def located(found: Diagnostic, store: Store) -> Diagnostic | None:
    """The same at the place of its field, which analysers do not know; None when its object forbids it."""
    if found.key is None:
        return found
    kind, namespace, name = found.key
    one = next((o for o in store.of_kind(kind) if (o.namespace, o.name) == (namespace, name)), None)
    if one is None:
        return found
    codes = [word.strip() for word in one.annotations.get(SUPPRESS, "").split(",")]
    if found.code in codes or "*" in codes:
        return None
    place = store.place(one, found.path)
    return replace(found, file=place.file, line=place.line, column=place.column)
