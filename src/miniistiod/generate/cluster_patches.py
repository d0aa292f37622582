"""A cluster and the patches of EnvoyFilters → the cluster as they leave it, or none; and those they add."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.generate.patches import Operation, Patch, PatchContext, Patches
from miniistiod.translate.envoy_filter.merge import merged
from miniistiod.vocab import cluster_name
from miniistiod.vocab.packing import packed

ADDED_FOR_ANY = (PatchContext.SIDECAR_OUTBOUND, PatchContext.GATEWAY)
"""The sides where a cluster is added that is for any side: once for each proxy."""


def patched_cluster(
    cluster: Cluster, patches: Patches, context: int, hosts: Collection[str] = ()
) -> Cluster | None:
    """`hosts` are those of the services behind an inbound cluster, whose name has none."""
    for patch in patches:
        if not patch.in_context(context) or not matches(cluster, patch.match, hosts):
            continue
        if patch.operation == Operation.REMOVE:
            return None
        if patch.merges and patch.value is not None:
            cluster = merge(cluster, patch)
    return cluster


def patched_clusters(made: Iterable[Cluster], patches: Patches, context: int) -> Iterator[Cluster]:
    """The clusters as the patches leave them."""
    found = (patched_cluster(each, patches, context) for each in made)
    return (each for each in found if each is not None)


def added_clusters(patches: Patches, context: int) -> Iterator[Cluster]:
    """The clusters that are added for one side of a proxy."""
    for patch in patches:
        everywhere = patch.match.context == PatchContext.ANY
        if patch.operation != Operation.ADD or (everywhere and context not in ADDED_FOR_ANY):
            continue
        if patch.in_context(context) and patch.value is not None:
            yield patch.value


def matches(cluster: Cluster, match: EnvoyFilter.EnvoyConfigObjectMatch, hosts: Collection[str]) -> bool:
    """Whether a patch is meant for this cluster. A name is compared alone."""
    if not match.HasField("cluster"):
        return True
    wanted = match.cluster
    if wanted.name:
        return bool(wanted.name == cluster.name)
    direction, port, subset, host = cluster_name.parsed(cluster.name) or ("", 0, "", "")
    named = hosts if direction == "inbound" and hosts else (host,)
    return bool(
        wanted.subset in ("", subset)
        and (not wanted.service or wanted.service in named)
        and wanted.port_number in (0, port)
    )


def merge(cluster: Cluster, patch: Patch) -> Cluster:
    """The cluster with the patch merged into it; a patch with a transport socket changes nothing else."""
    value: Cluster = patch.value
    if not value.HasField("transport_socket"):
        return merged(cluster, value, replaces_lists=patch.replaces_lists)
    result = Cluster()
    result.CopyFrom(cluster)
    name = value.transport_socket.name
    if result.transport_socket_matches:
        for each in result.transport_socket_matches:
            if each.transport_socket.name == name:
                _merge_socket(each.transport_socket, value.transport_socket)
                break
    elif result.HasField("transport_socket") and result.transport_socket.name == name:
        _merge_socket(result.transport_socket, value.transport_socket)
    else:
        result.transport_socket.CopyFrom(value.transport_socket)
    return result


def _merge_socket(socket: TransportSocket, patch: TransportSocket) -> None:
    if socket.HasField("typed_config") and patch.HasField("typed_config"):
        both = merged(_opened(socket.typed_config), _opened(patch.typed_config))
        socket.typed_config.CopyFrom(packed(both))


def _opened(value: Any) -> Message:
    descriptor = descriptor_pool.Default().FindMessageTypeByName(value.type_url.rpartition("/")[2])
    message = message_factory.GetMessageClass(descriptor)()
    message.ParseFromString(value.value)
    return message
