"""EnvoyFilter's applyTo → the Envoy message that the value of such a patch is."""

from __future__ import annotations

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.message import Message

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter

ApplyTo = EnvoyFilter.ApplyTo

KINDS: dict[int, type[Message]] = {
    ApplyTo.CLUSTER: Cluster,
    ApplyTo.LISTENER: Listener,
    ApplyTo.ROUTE_CONFIGURATION: RouteConfiguration,
    ApplyTo.FILTER_CHAIN: FilterChain,
    ApplyTo.HTTP_FILTER: HttpFilter,
    ApplyTo.NETWORK_FILTER: Filter,
    ApplyTo.VIRTUAL_HOST: VirtualHost,
    ApplyTo.HTTP_ROUTE: Route,
    ApplyTo.EXTENSION_CONFIG: TypedExtensionConfig,
    ApplyTo.BOOTSTRAP: Bootstrap,
    ApplyTo.LISTENER_FILTER: ListenerFilter,
}
