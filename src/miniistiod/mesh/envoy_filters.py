"""Which EnvoyFilters patch a proxy, and in which order: by priority, the root namespace's first, older
first.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.istio.networking import envoy_filter_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.policies import PolicyIndex

EnvoyFilter = Object[envoy_filter_pb2.EnvoyFilter]
EnvoyFilterIndex = PolicyIndex[envoy_filter_pb2.EnvoyFilter]


def envoy_filters_of(
    index: EnvoyFilterIndex, namespace: str, labels: Mapping[str, str]
) -> tuple[EnvoyFilter, ...]:
    """Those that apply, the one that patches first coming first; on the same field the last one wins."""

    def order(each: EnvoyFilter) -> tuple[int, bool, str, str]:
        own = each.namespace != index.root_namespace
        return (each.message.priority, own, each.moment, f"{each.name}.{each.namespace}")

    return tuple(sorted(index.of_workload(namespace, labels), key=order))
