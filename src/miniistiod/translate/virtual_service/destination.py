"""Destination → the name of the cluster that carries it."""

from __future__ import annotations

from miniistiod.api.istio.networking.virtual_service_pb2 import Destination
from miniistiod.vocab import cluster_name


def destination_cluster(destination: Destination, port: int, only_port: int = 0, alias_of: str = "") -> str:
    """The cluster, which need not exist.

    Its port is the one named; else the only one the service has; else `port`, the one the route belongs to.
    `alias_of` is the host an ExternalName service stands for.
    """
    if not destination.host:
        return cluster_name.UNKNOWN
    number = destination.port.number if destination.HasField("port") else only_port or port
    return cluster_name.outbound(alias_of or destination.host, number, destination.subset)
