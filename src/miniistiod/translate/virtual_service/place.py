"""Where a route stands: what its translation depends on besides the rule itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import Metadata

from miniistiod.api.istio.networking.destination_rule_pb2 import LoadBalancerSettings
from miniistiod.api.istio.networking.virtual_service_pb2 import Destination, HTTPRetry, HTTPRouteDestination

ConsistentHash = LoadBalancerSettings.ConsistentHashLB


@dataclass(frozen=True, slots=True)
class Place:
    """The surroundings of a route.

    `name` and `metadata` are those of the VirtualService, `port` and `tls` those of the listener. `cluster`
    names the cluster of a destination and `hash_of` says what its endpoint is chosen by. `default_retries`
    are the mesh's, `forwarded_host` asks for X-Forwarded-Host where the host is rewritten. A `gateway_api`
    route matches whole path segments and answers 500 where its backend is missing.
    """

    name: str
    port: int
    cluster: Callable[[Destination], str]
    hash_of: Callable[[HTTPRouteDestination], ConsistentHash | None]
    metadata: Metadata | None = None
    tls: bool = False
    default_retries: HTTPRetry | None = None
    forwarded_host: bool = False
    gateway_api: bool = False
