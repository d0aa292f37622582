"""Where a workload runs, region/zone/sub-zone: from its own label, or from the labels of its Node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

OWN_LABELS = ("topology.istio.io/locality", "istio-locality")
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
SUB_ZONE = "topology.istio.io/subzone"
CLUSTER = "topology.istio.io/cluster"
NETWORK = "topology.istio.io/network"
HOST = "kubernetes.io/hostname"
OLDER = {
    REGION: "failure-domain.beta.kubernetes.io/region",
    ZONE: "failure-domain.beta.kubernetes.io/zone",
}


def locality(labels: Mapping[str, str], node_labels: Mapping[str, str]) -> str:
    """The workload's own label counts first; empty parts at the end are left out."""
    for name in OWN_LABELS:
        if labels.get(name):
            return labels[name] if "/" in labels[name] else labels[name].replace(".", "/")
    return "/".join(node_part(node_labels, name) for name in (REGION, ZONE, SUB_ZONE)).rstrip("/")


def node_part(labels: Mapping[str, str], name: str) -> str:
    """One part, under today's label or the older one."""
    return labels.get(name, "") or labels.get(OLDER.get(name, ""), "")


def with_topology(
    labels: Mapping[str, str], place: str, cluster: str, node: str, network: str
) -> Mapping[str, str]:
    """The labels of a workload with those that say where it runs, by which a policy or subset may choose
    it.
    """
    return {**labels, **dict(topology(labels, place, cluster, node, network))}


def topology(
    labels: Mapping[str, str], place: str, cluster: str, node: str, network: str
) -> Iterator[tuple[str, str]]:
    """The labels of a place. A network label that is there already stays."""
    region, zone, sub_zone = [*place.split("/"), "", ""][:3]
    named = ((REGION, region), (ZONE, zone), (SUB_ZONE, sub_zone), (CLUSTER, cluster), (HOST, node))
    yield from ((name, value) for name, value in named if value)
    if network and not labels.get(NETWORK):
        yield NETWORK, network
