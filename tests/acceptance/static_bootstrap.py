"""What a proxy gets over xDS → one bootstrap without a control plane, for `envoy --mode validate`.

What Envoy would only ask for later stands where it is used: endpoints in their cluster, route tables in
their listener, discovered filters in their chain. Secrets stay references; nobody validates those.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm

from miniistiod.proxy import bootstrap as bootstraps
from miniistiod.proxy.scope import ProxyScope
from tests.parity import ours
from tests.parity.dump import TYPES

Bodies = Mapping[str, bytes]


def static_bootstrap(scope: ProxyScope) -> bootstrap_pb2.Bootstrap:
    """The project's own bootstrap with everything in it that this proxy would be sent."""
    bodies = {kind: ours.bodies(scope, url) for kind, url in TYPES.items()}
    workload = bootstraps.Workload("validated", "default", "10.0.0.1")
    made = bootstraps.bootstrap(workload, bootstraps.Discovery("127.0.0.1", 15010))
    made.dynamic_resources.ClearField("lds_config")
    made.dynamic_resources.ClearField("cds_config")
    for body in bodies["clusters"].values():
        made.static_resources.clusters.append(with_endpoints(body, bodies["endpoints"]))
    for body in bodies["listeners"].values():
        made.static_resources.listeners.append(with_routes(body, bodies["routes"], bodies["extensions"]))
    return made


def with_endpoints(body: bytes, assignments: Bodies) -> cluster_pb2.Cluster:
    """A cluster whose endpoints are known from the start."""
    cluster = cluster_pb2.Cluster.FromString(body)
    if cluster.type == cluster_pb2.Cluster.EDS:
        name = cluster.eds_cluster_config.service_name or cluster.name
        cluster.ClearField("eds_cluster_config")
        cluster.type = cluster_pb2.Cluster.STATIC
        assignment = endpoint_pb2.ClusterLoadAssignment(cluster_name=name)
        cluster.load_assignment.CopyFrom(assignment.FromString(assignments.get(name, b"")))
        cluster.load_assignment.cluster_name = name
    return cluster


def with_routes(body: bytes, tables: Bodies, extensions: Bodies) -> listener_pb2.Listener:
    """A listener with its route tables and discovered filters in it."""
    listener = listener_pb2.Listener.FromString(body)
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for filter in chain.filters:
            if filter.HasField("config_discovery"):
                found = extension_pb2.TypedExtensionConfig.FromString(extensions[filter.name])
                filter.typed_config.CopyFrom(found.typed_config)
            elif filter.typed_config.Is(hcm.HttpConnectionManager.DESCRIPTOR):
                fill_manager(filter, tables, extensions)
    return listener


def fill_manager(filter: listener_components_pb2.Filter, tables: Bodies, extensions: Bodies) -> None:
    """Put route table and discovered filters into an HTTP connection manager."""
    manager = hcm.HttpConnectionManager.FromString(filter.typed_config.value)
    if manager.HasField("rds"):
        table = route_pb2.RouteConfiguration.FromString(tables[manager.rds.route_config_name])
        if not table.HasField("validate_clusters"):
            table.validate_clusters.value = False  # what Envoy takes for tables that it is sent
        manager.route_config.CopyFrom(table)
    for http_filter in manager.http_filters:
        if http_filter.HasField("config_discovery"):
            found = extension_pb2.TypedExtensionConfig.FromString(extensions[http_filter.name])
            http_filter.typed_config.CopyFrom(found.typed_config)
    filter.typed_config.Pack(manager)
