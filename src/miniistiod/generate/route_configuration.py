"""Serialised virtual hosts → a RouteConfiguration, whose bytes are theirs one after another.

Also the virtual host that takes what no other does. Source: Istio's httproute.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from envoy.config.route.v3 import route_components_pb2 as envoy
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from miniistiod.generate.virtual_host_routes import Routes
from miniistiod.mesh.kept import kept
from miniistiod.vocab import cluster_name
from miniistiod.vocab.wire import entries

BODY_LIMIT = 1024 * 1024
"""How long the body of a direct response may be, in bytes; the admission rules have the same limit."""

VIRTUAL_HOSTS = RouteConfiguration.DESCRIPTOR.fields_by_name["virtual_hosts"].number
ROUTES = envoy.VirtualHost.DESCRIPTOR.fields_by_name["routes"].number
BAD_GATEWAY = 502


class Fallback(NamedTuple):
    """What happens to requests for unknown hosts: `name` is the virtual host's, `cluster` "" refuses them."""

    name: str
    cluster: str = ""


ALLOW_ANY = Fallback("allow_any", cluster_name.PASSTHROUGH)
ALLOW_ANY_DYNAMIC_DNS = Fallback("allow_any_dynamic_dns", cluster_name.ALLOW_ANY_DYNAMIC_DNS)
BLOCK_ALL = Fallback("block_all")


def route_configuration(name: str, virtual_hosts: Iterable[bytes]) -> bytes:
    """The table of one port. Ports in Host headers do not count, and clusters need not exist yet."""
    shell = RouteConfiguration(
        name=name,
        validate_clusters=BoolValue(value=False),
        max_direct_response_body_size_bytes=UInt32Value(value=BODY_LIMIT),
        ignore_port_in_host_matching=True,
    )
    return bytes(shell.SerializeToString() + entries(VIRTUAL_HOSTS, virtual_hosts))


def missing_configuration(name: str) -> bytes:
    """An empty table, for a name that a client still asks for although nothing stands behind it."""
    return bytes(RouteConfiguration(name=name, validate_clusters=BoolValue(value=False)).SerializeToString())


@kept
def virtual_host(
    name: str, domains: tuple[str, ...], routes: Routes, attempt_count: bool, require_tls: bool
) -> bytes:
    """One virtual host. `attempt_count` tells the application which try a request is."""
    tls = envoy.VirtualHost.ALL if require_tls else envoy.VirtualHost.NONE
    shell = envoy.VirtualHost(
        name=name, domains=domains, include_request_attempt_count=attempt_count, require_tls=tls
    )
    return bytes(shell.SerializeToString() + entries(ROUTES, (route.body for route in routes)))


@kept
def fallback_virtual_host(fallback: Fallback, attempt_count: bool, forwarded_host: bool) -> bytes:
    """The virtual host of all other hosts: to a cluster, or a 502."""
    route = envoy.Route(name=fallback.name, match=envoy.RouteMatch(prefix="/"))
    if fallback.cluster:
        action = envoy.RouteAction(
            cluster=fallback.cluster,
            timeout=Duration(),
            max_grpc_timeout=Duration(),
            append_x_forwarded_host=forwarded_host,
        )
        route.route.CopyFrom(action)
    else:
        route.direct_response.status = BAD_GATEWAY
    host = envoy.VirtualHost(
        name=fallback.name, domains=["*"], routes=[route], include_request_attempt_count=attempt_count
    )
    return bytes(host.SerializeToString())
