"""A sidecar's scope → the clusters of its own workload, and the one for all its other ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.generate.cluster_client import ClusterClient
from miniistiod.generate.cluster_patches import added_clusters, patched_cluster, patched_clusters
from miniistiod.generate.cluster_resource import Origins, part
from miniistiod.generate.clusters_fixed import inbound_passthrough
from miniistiod.generate.clusters_inbound import (
    Inbound,
    default_bind,
    inbound_cluster,
    ingress_inbounds,
    service_inbounds,
)
from miniistiod.generate.patches import PatchContext, Patches
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.proxy.facts import fact
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.proxy.node import Interception, Proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part

INBOUND = PatchContext.SIDECAR_INBOUND

Rules = tuple[MergedDestinationRule | None, ...]


@fact
def own_clusters(scope: ProxyScope, client: ClusterClient, found: Patches) -> Part:
    """The clusters of a sidecar's own workload."""
    proxy, sidecar = scope.proxy, scope.sidecar
    rules = tuple(scope.inbound_rule(target.service) for target in scope.targets)
    ingress = sidecar if sidecar is not None and sidecar.message.ingress else None
    captured = proxy.interception is not Interception.NONE
    if ingress is not None:
        families = (proxy.supports_ipv4, proxy.supports_ipv6)
        return ingress_clusters(
            ingress, scope.targets, rules, proxy.addresses, client, scope.settings, found, *families
        )
    targets = scope.targets if captured else ()
    used = rules if captured else ()
    return inbound_clusters(targets, used, sidecar, client, scope.settings, found, *bind(proxy))


def bind(proxy: Proxy) -> tuple[str, bool, bool]:
    """The loopback address of a proxy, and its address families."""
    return proxy.localhost, proxy.supports_ipv4, proxy.supports_ipv6


@kept
def inbound_clusters(
    targets: tuple[ServiceTarget, ...],
    rules: Rules,
    sidecar: Sidecar | None,
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    localhost: str,
    ipv4: bool,
    ipv6: bool,
) -> Part:
    """Those of a workload whose ports are what the services say."""
    where = default_bind(settings, localhost)
    found = service_inbounds(targets, rules, sidecar, where, client, settings, ipv4)
    made = own_ports(found, inbound_passthrough(client, settings, ipv4, ipv6), patches)
    return part(made, origins(targets, rules))


@kept
def ingress_clusters(
    sidecar: Sidecar,
    targets: tuple[ServiceTarget, ...],
    rules: Rules,
    addresses: tuple[str, ...],
    client: ClusterClient,
    settings: MeshSettings,
    patches: Patches,
    ipv4: bool,
    ipv6: bool,
) -> Part:
    """Those of a workload whose ports are what its Sidecar says."""
    found = ingress_inbounds(sidecar, targets, rules, addresses, client, settings, ipv4)
    made = own_ports(found, inbound_passthrough(client, settings, ipv4, ipv6), patches)
    return part(made, (sidecar, *origins(targets, rules)))


def own_ports(found: Iterable[Inbound], passthrough: Cluster, patches: Patches) -> Iterator[Cluster]:
    """Those of the workload's ports as patches leave them, the one for all other ports, and added ones."""
    for each in found:
        cluster = patched_cluster(inbound_cluster(each), patches, INBOUND, each.hosts)
        if cluster is not None:
            yield cluster
    yield from patched_clusters((passthrough,), patches, INBOUND)
    yield from added_clusters(patches, INBOUND)


def origins(targets: tuple[ServiceTarget, ...], rules: Rules) -> Origins:
    """The documents behind a workload's clusters."""
    return (
        *(target.service.origin for target in targets),
        *(source for rule in rules if rule is not None for source in rule.sources),
    )
