"""The metadata by which a resource names the Istio object it was made from."""

from __future__ import annotations

import re

from envoy.config.core.v3.base_pb2 import Metadata
from google.protobuf.struct_pb2 import Struct, Value

ISTIO = "istio"


def config_metadata(group: str, version: str, kind: str, namespace: str, name: str) -> Metadata:
    """`{"istio": {"config": "/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND-IN-KEBAB/NAME"}}`."""
    return Metadata(
        filter_metadata={
            ISTIO: Struct(
                fields={"config": Value(string_value=config_path(group, version, kind, namespace, name))}
            )
        }
    )


def config_path(group: str, version: str, kind: str, namespace: str, name: str) -> str:
    """Where the object stands in the Kubernetes API, with its kind in kebab case."""
    return f"/apis/{group}/{version}/namespaces/{namespace}/{kebab(kind)}/{name}"


def kebab(kind: str) -> str:
    """VirtualService → virtual-service."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()
