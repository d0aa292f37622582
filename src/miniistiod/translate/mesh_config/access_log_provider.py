"""One extensionProviders[] entry → the access log it stands for, or None when it is for something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.access_log_file import mesh_access_log
from miniistiod.translate.mesh_config.collector import Collector
from miniistiod.translate.mesh_config.envoy_file_access_log import file_access_log
from miniistiod.translate.mesh_config.envoy_grpc_access_log import http_als, tcp_als
from miniistiod.translate.mesh_config.envoy_otel_access_log import otel_als

BUILT_IN = "envoy"
"""The provider that a mesh has without declaring it; the mesh's own format applies to it."""

_SENT: dict[str, Callable[[Any, Collector], AccessLog]] = {
    "envoy_http_als": http_als,
    "envoy_tcp_als": tcp_als,
    "envoy_otel_als": otel_als,
}


def provider_access_log(
    provider: MeshConfig.ExtensionProvider, collector: Collector | None, mesh: MeshConfig
) -> AccessLog | None:
    """`collector` is where the provider's service is; a log without one is not written at all."""
    which = provider.WhichOneof("provider")
    if which == "envoy_file_access_log":
        file = provider.envoy_file_access_log
        if provider.name == BUILT_IN and not file.HasField("log_format") and not file.omit_empty_values:
            return mesh_access_log(file.path, mesh)
        return file_access_log(file)
    if which is None or which not in _SENT or collector is None:
        return None
    return _SENT[which](getattr(provider, which), collector)
