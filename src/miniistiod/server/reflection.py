"""gRPC reflection, so that grpcurl and its like can list and describe the services.

The imports bring the descriptors of the discovery services, which nothing else here needs.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from envoy.service.cluster.v3 import cds_pb2  # noqa: F401
from envoy.service.discovery.v3 import ads_pb2  # noqa: F401
from envoy.service.endpoint.v3 import eds_pb2  # noqa: F401
from envoy.service.extension.v3 import config_discovery_pb2  # noqa: F401
from envoy.service.listener.v3 import lds_pb2  # noqa: F401
from envoy.service.route.v3 import rds_pb2  # noqa: F401
from envoy.service.secret.v3 import sds_pb2  # noqa: F401
from grpc_reflection.v1alpha import reflection


def enable_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Let a server answer what it offers."""
    reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server)
