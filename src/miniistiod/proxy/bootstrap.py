"""A workload's identity and the control plane's address → the bootstrap of its Envoy.

It is the one istio's agent would write, for a stock Envoy and without an agent: Envoy itself asks
mini-istiod for resources and secrets, with a token that proves who it is, and marks its own connections,
so that the capture rules let them pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.core.v3 import address_pb2, base_pb2, config_source_pb2, grpc_service_pb2, socket_option_pb2
from envoy.config.overload.v3 import overload_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.resource_monitors.downstream_connections.v3 import downstream_connections_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from miniistiod.api.istio.mesh import proxy_pb2
from miniistiod.proxy.bootstrap_statics import (
    LOCALHOST,
    Discovery,
    control_plane_cluster,
    local_cluster,
    stats_and_health,
)
from miniistiod.proxy.bootstrap_stats import stats_config
from miniistiod.proxy.bootstrap_tracing import tracer, tracing_cluster
from miniistiod.proxy.node_cluster import node_cluster

ADMIN_PORT = 15000
STATUS_PORT = 15021
PROMETHEUS_PORT = 15090
MARK = 1337
"""The socket mark of Envoy's own connections; Istio tells them by the user id of this number."""
SOL_SOCKET, SO_MARK = 1, 36
ISTIO_VERSION = "1.32.0"
"""What proxies say they are; istiod sends some resources only to proxies that are new enough."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What an Envoy says of the workload beside it: the content of its Node."""

    name: str
    namespace: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    service_account: str = "default"
    owner: str = ""
    kind: str = "sidecar"
    ports: str = ""
    cluster_id: str = "Kubernetes"
    domain: str = "cluster.local"
    node_name: str = "lab"


def bootstrap(
    workload: Workload,
    discovery: Discovery,
    *,
    mark: int = MARK,
    proxy_config: Mapping[str, object] | None = None,
) -> bootstrap_pb2.Bootstrap:
    """The bootstrap of the sidecar or gateway of this workload; a mark of 0 leaves it unmarked."""
    config = started_with(proxy_config or {})
    collector = tracing_cluster(config.tracing)
    identity = node(workload, proxy_config or {})
    return bootstrap_pb2.Bootstrap(
        node=identity,
        admin=bootstrap_pb2.Admin(
            address=address_pb2.Address(
                socket_address=address_pb2.SocketAddress(address=LOCALHOST, port_value=ADMIN_PORT)
            ),
            access_log=[silent_access_log()],
        ),
        dynamic_resources=dynamic_resources(),
        static_resources=bootstrap_pb2.Bootstrap.StaticResources(
            clusters=[
                local_cluster("prometheus_stats", ADMIN_PORT),
                control_plane_cluster("xds-grpc", discovery),
                control_plane_cluster("sds-grpc", discovery),
                *([collector] if collector is not None else []),
            ],
            listeners=[
                stats_and_health("stats", PROMETHEUS_PORT, "/stats/prometheus", "/stats/prometheus"),
                stats_and_health("agent", STATUS_PORT, "/healthz/ready", "/ready"),
            ],
        ),
        cluster_manager=bootstrap_pb2.ClusterManager(upstream_bind_config=marked(mark) if mark else None),
        stats_config=stats_config(config, workload.annotations, [workload.address]),
        tracing=tracer(config.tracing, identity.cluster),
        layered_runtime=layered_runtime(),
        overload_manager=overload_manager(),
    )


def started_with(proxy_config: Mapping[str, object]) -> proxy_pb2.ProxyConfig:
    """The ProxyConfig as a message."""
    return json_format.ParseDict(dict(proxy_config), proxy_pb2.ProxyConfig(), ignore_unknown_fields=True)


def node(workload: Workload, proxy_config: Mapping[str, object]) -> base_pb2.Node:
    """The Node: type, address, name and namespace in its id, everything else as Istio's metadata."""
    owner = workload.owner or workload.name
    metadata: dict[str, object] = {
        "NAME": workload.name,
        "NAMESPACE": workload.namespace,
        "INSTANCE_IPS": workload.address,
        "SERVICE_ACCOUNT": workload.service_account,
        "LABELS": dict(workload.labels),
        "WORKLOAD_NAME": owner,
        "OWNER": f"kubernetes://apis/apps/v1/namespaces/{workload.namespace}/deployments/{owner}",
        "ISTIO_VERSION": ISTIO_VERSION,
        "CLUSTER_ID": workload.cluster_id,
        "MESH_ID": workload.domain,
        "NODE_NAME": workload.node_name,
        "INTERCEPTION_MODE": "REDIRECT",
        "ENVOY_STATUS_PORT": STATUS_PORT,
        "ENVOY_PROMETHEUS_PORT": PROMETHEUS_PORT,
        "PROXY_CONFIG": dict(proxy_config),
    }
    if workload.annotations:
        metadata["ANNOTATIONS"] = dict(workload.annotations)
    if workload.ports:
        metadata["POD_PORTS"] = workload.ports
    dns_domain = f"{workload.namespace}.svc.{workload.domain}"
    made = base_pb2.Node(
        id=f"{workload.kind}~{workload.address}~{workload.name}.{workload.namespace}~{dns_domain}",
        cluster=node_cluster(started_with(proxy_config), workload.labels, owner, workload.namespace),
        locality=locality(workload.labels),
    )
    made.metadata.update(metadata)
    return made


def locality(labels: Mapping[str, str]) -> base_pb2.Locality | None:
    """region/zone/subzone from the label istio-locality, in which a dot may stand for the slash."""
    label = labels.get("istio-locality", "") or labels.get("topology.istio.io/locality", "")
    if not label:
        return None
    region, zone, sub_zone, *_ = [*label.replace(".", "/").split("/"), "", ""]
    return base_pb2.Locality(region=region, zone=zone, sub_zone=sub_zone)


def dynamic_resources() -> bootstrap_pb2.Bootstrap.DynamicResources:
    """Clusters and listeners over one Delta ADS stream; Envoy waits for them as long as it takes."""
    return bootstrap_pb2.Bootstrap.DynamicResources(
        lds_config=over_ads(),
        cds_config=over_ads(),
        ads_config=config_source_pb2.ApiConfigSource(
            api_type=config_source_pb2.ApiConfigSource.DELTA_GRPC,
            transport_api_version=config_source_pb2.V3,
            set_node_on_first_message_only=True,
            grpc_services=[
                grpc_service_pb2.GrpcService(
                    envoy_grpc=grpc_service_pb2.GrpcService.EnvoyGrpc(
                        cluster_name="xds-grpc", retry_policy=reconnection()
                    )
                )
            ],
        ),
    )


def reconnection() -> base_pb2.RetryPolicy:
    """Envoy's own back-off grows to 30 s, which a restarted control plane would be waited for."""
    policy = base_pb2.RetryPolicy()
    policy.retry_back_off.base_interval.FromMilliseconds(500)
    policy.retry_back_off.max_interval.FromSeconds(3)
    return policy


def over_ads() -> config_source_pb2.ConfigSource:
    """A source that is the ADS stream, without a limit to the first wait."""
    source = config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(), resource_api_version=config_source_pb2.V3
    )
    source.initial_fetch_timeout.FromSeconds(0)
    return source


def marked(mark: int) -> address_pb2.BindConfig:
    """The bind config of every cluster that has none of its own: a socket mark, any address."""
    return address_pb2.BindConfig(
        socket_options=[
            socket_option_pb2.SocketOption(
                description="Envoy's own traffic is not captured again",
                level=SOL_SOCKET,
                name=SO_MARK,
                int_value=mark,
                state=socket_option_pb2.SocketOption.STATE_PREBIND,
            )
        ]
    )


def silent_access_log() -> accesslog_pb2.AccessLog:
    """Admin requests are not logged."""
    log = accesslog_pb2.AccessLog(name="envoy.access_loggers.file")
    log.typed_config.Pack(file_pb2.FileAccessLog(path="/dev/null"))
    return log


def layered_runtime() -> bootstrap_pb2.LayeredRuntime:
    """Istio's runtime flags that a stock Envoy knows too."""
    flags: dict[str, object] = {
        "re2.max_program_size.error_level": "32768",
        "envoy.reloadable_features.http_reject_path_with_fragment": False,
    }
    layer = bootstrap_pb2.RuntimeLayer(name="global config")
    layer.static_layer.update(flags)
    return bootstrap_pb2.LayeredRuntime(
        layers=[
            layer,
            bootstrap_pb2.RuntimeLayer(name="admin", admin_layer=bootstrap_pb2.RuntimeLayer.AdminLayer()),
        ]
    )


def overload_manager() -> overload_pb2.OverloadManager:
    """As many connections as the machine gives: the limit is the highest number Envoy takes."""
    monitor = overload_pb2.ResourceMonitor(name="envoy.resource_monitors.global_downstream_max_connections")
    monitor.typed_config.Pack(
        downstream_connections_pb2.DownstreamConnectionsConfig(max_active_downstream_connections=2**31 - 1)
    )
    return overload_pb2.OverloadManager(resource_monitors=[monitor])


def as_json(message: Message) -> str:
    """The text an Envoy reads; the numbers in its metadata as whole numbers."""
    return json.dumps(whole(json_format.MessageToDict(message, preserving_proto_field_name=True)), indent=2)


def whole(value: Any) -> Any:
    """The same with 15021 for 15021.0, which is how a Struct holds every number."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
