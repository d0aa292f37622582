"""ReferenceGrants: may an object of one namespace refer to one of another?"""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.api.gatewayapi.gateway_pb2 import ReferenceGrant
from miniistiod.config.objects import Object

Grant = Object[ReferenceGrant]
GATEWAY_API = "gateway.networking.k8s.io"


def granted(grants: Iterable[Grant], kind: str, namespace: str, target: tuple[str, str, str, str]) -> bool:
    """Whether a Gateway API object of this kind and namespace may refer to the target (its group, kind,
    namespace and name). Within a namespace everyone may."""
    group, target_kind, target_namespace, name = target
    if namespace == target_namespace:
        return True
    return any(
        any(
            f.kind == kind and f.group == GATEWAY_API and f.namespace == namespace
            for f in getattr(grant.message, "from")
        )
        and any(t.kind == target_kind and t.group == group and t.name in ("", name) for t in grant.message.to)
        for grant in grants
        if grant.namespace == target_namespace
    )
