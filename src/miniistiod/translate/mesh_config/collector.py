"""The mesh's choice of a service that Envoy reports to, as the leaves of logs and traces need it."""

from __future__ import annotations

from typing import NamedTuple

from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from google.protobuf.duration_pb2 import Duration


class Collector(NamedTuple):
    """`host` is what the request's authority says, `cluster` is where Envoy sends it."""

    host: str
    cluster: str


def grpc_service(collector: Collector, timeout: Duration | None = None) -> GrpcService:
    """The collector as Envoy calls it by gRPC."""
    return GrpcService(
        envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=collector.cluster, authority=collector.host),
        timeout=timeout,
    )
