"""A namespace and labels → the ProxyScope of a proxy there, which need not be connected."""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod.mesh.mesh import Mesh
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope

NOBODY = "192.0.2.1"
"""An address for examples (RFC 5737), which no workload has."""


def vantage(kind: str, namespace: str, labels: Mapping[str, str], mesh: Mesh) -> ProxyScope:
    """What a "sidecar" or "router" of such a workload would see."""
    tree = {
        "id": f"{kind}~{NOBODY}~asked.{namespace}~{namespace}.svc.{mesh.settings.domain}",
        "metadata": {"NAMESPACE": namespace, "LABELS": dict(labels)},
    }
    return ProxyScope(proxy(json_format.ParseDict(tree, Node())), mesh)
