"""Where Envoy gets its secrets from: names and sources of SDS, for listeners and clusters alike."""

from __future__ import annotations

from envoy.config.core.v3.config_source_pb2 import (
    AggregatedConfigSource,
    ApiConfigSource,
    ApiVersion,
    ConfigSource,
)
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from google.protobuf.duration_pb2 import Duration

WORKLOAD = "default"
"""The secret with the workload's own certificate and key."""

ROOT = "ROOTCA"
"""The secret with the mesh's roots."""

AGENT = "sds-grpc"
"""The cluster that hands out what is the workload's own."""

EXTERNAL = "sds-external"
"""The cluster of a socket in the Pod that serves `sds://` credentials."""

FILES = "sds-files-grpc"
"""The cluster of a socket in the Pod that serves file credentials."""

CA_SUFFIX = "-cacert"
"""Appended to the name of a credential: the roots that go with it."""

_NO_WAIT = Duration()


def agent_secret(name: str, cluster: str = AGENT) -> SdsSecretConfig:
    """A secret of the workload itself. A listener waits for the two of the mesh without a limit."""
    own = name in (WORKLOAD, ROOT)
    return SdsSecretConfig(
        name=name,
        sds_config=ConfigSource(
            api_config_source=_grpc(GrpcService.EnvoyGrpc(cluster_name=cluster)),
            initial_fetch_timeout=_NO_WAIT if own else None,
            resource_api_version=ApiVersion.V3,
        ),
    )


def ads_secret(name: str) -> SdsSecretConfig:
    """A secret that comes over ADS; one that does not exist must not hold the listener up."""
    return SdsSecretConfig(
        name=name,
        sds_config=ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3),
    )


def external_secret(name: str, cluster: str, authority: str = "") -> SdsSecretConfig:
    """A secret of another SDS server."""
    return SdsSecretConfig(
        name=name,
        sds_config=ConfigSource(
            api_config_source=_grpc(GrpcService.EnvoyGrpc(cluster_name=cluster, authority=authority)),
            resource_api_version=ApiVersion.V3,
        ),
    )


SYSTEM_ROOTS = "system"
"""Stands for the machine's own file of roots."""


def certificate_file(certificate: str, key: str) -> str:
    """The name of the secret made of two files in the proxy's container; "" unless both are given."""
    return f"file-cert:{certificate}~{key}" if certificate and key else ""


def root_file(roots: str) -> str:
    """The name of the secret made of a file of roots; "" when there is none."""
    return f"file-root:{roots}" if roots else ""


def _grpc(service: GrpcService.EnvoyGrpc) -> ApiConfigSource:
    return ApiConfigSource(
        api_type=ApiConfigSource.ApiType.GRPC,
        transport_api_version=ApiVersion.V3,
        set_node_on_first_message_only=True,
        grpc_services=[GrpcService(envoy_grpc=service)],
    )
