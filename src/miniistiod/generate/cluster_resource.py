"""Clusters → resources and parts. An EDS cluster needs its endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from miniistiod.mesh.kept import kept
from miniistiod.xds.resource import Part, Resource, resource

Origins = tuple[object, ...]
"""The documents that something was made from."""


def part(made: Iterable[Cluster], origins: Origins = ()) -> Part:
    """Clusters by name; of two with one name the first."""
    found: dict[str, Resource] = {}
    for each in made:
        found.setdefault(each.name, cluster_resource(each, origins))
    return found


def cluster_resource(cluster: Cluster, origins: Origins = ()) -> Resource:
    """The resource of a cluster; an EDS cluster needs its endpoints."""
    needs = [cluster.eds_cluster_config.service_name] if by_ads(cluster) else []
    return resource(cluster.name, cluster.SerializeToString(deterministic=True), needs, origins)


def by_ads(cluster: Cluster) -> bool:
    """Whether its endpoints come over ADS."""
    by_eds = cluster.type == Cluster.EDS
    return by_eds and bool(cluster.eds_cluster_config.eds_config.HasField("ads"))


@kept
def joined_part(made: tuple[tuple[Resource, ...], ...]) -> Part:
    """One part of the resources of several makers; the same object as long as all of them are the same."""
    found: dict[str, Resource] = {}
    for each in chain.from_iterable(made):
        found.setdefault(each.name, each)
    return found
