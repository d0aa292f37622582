"""Endpoints that a user writes for a Service without a selector → EndpointSlices: Kubernetes mirrors them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from miniistiod.api.kinds import named
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept

Slice = Object[core_pb2.EndpointSlice]
SERVICE_NAME = "kubernetes.io/service-name"
EPHEMERAL = "control-plane.alpha.kubernetes.io/leader"
"""The annotation of Endpoints that are only a lock of a leader election."""


@kept
def with_mirrored(
    slices: tuple[Slice, ...], endpoints: tuple[Object[core_pb2.Endpoints], ...]
) -> tuple[Slice, ...]:
    """The slices, and a mirrored one for each Endpoints whose Service has no slice of its own."""
    known = {(each.namespace, each.labels.get(SERVICE_NAME)) for each in slices}
    missing = (e for e in endpoints if (e.namespace, e.name) not in known and EPHEMERAL not in e.annotations)
    return (*slices, *(mirrored for each in missing for mirrored in mirrored_slices(each)))


@kept
def mirrored_slices(origin: Object[core_pb2.Endpoints]) -> tuple[Slice, ...]:
    """One slice for each subset."""
    labels = {**origin.labels, SERVICE_NAME: origin.name}
    kind = next(named("EndpointSlice"))
    whole: Object[Any] = origin
    return tuple(
        replace(
            whole, kind=kind, name=f"{origin.name}-{index}", labels=labels, message=mirrored_slice(subset)
        )
        for index, subset in enumerate(origin.message.subsets)
    )


def mirrored_slice(subset: core_pb2.EndpointSubset) -> core_pb2.EndpointSlice:
    """The same addresses and ports; those that are not ready say so."""
    found = core_pb2.EndpointSlice(ports=subset.ports)
    for addresses, ready in ((subset.addresses, True), (subset.not_ready_addresses, False)):
        for each in addresses:
            conditions = core_pb2.EndpointConditions(ready=ready, serving=ready, terminating=False)
            found.endpoints.add(
                addresses=[each.ip],
                conditions=conditions,
                hostname=each.hostname,
                node_name=each.node_name,
                target_ref=each.target_ref if each.HasField("target_ref") else None,
            )
    return found
