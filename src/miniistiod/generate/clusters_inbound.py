"""The ports a sidecar serves → the clusters of its own workload: `inbound|PORT||`, one for each target port.

A Sidecar with ingress listeners replaces what the services say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import ConnectionPoolSettings
from miniistiod.generate import cluster_metadata as about
from miniistiod.generate.cluster_client import ClusterClient
from miniistiod.generate.cluster_fragments import FOREVER, fixed, http_options, joined, limits, stat_name
from miniistiod.generate.cluster_policy import ClusterPolicy, cluster_policy
from miniistiod.generate.clusters_fixed import magic_source
from miniistiod.generate.endpoint_groups import UNIX, address
from miniistiod.generate.stat_names import outbound_stat_name
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.service import Port, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import Sidecar
from miniistiod.proxy.inbound import ServiceTarget
from miniistiod.translate.destination_rule.http_protocol_options import http_protocol_options
from miniistiod.translate.destination_rule.upstream_protocol import upstream_protocol
from miniistiod.vocab import cluster_name
from miniistiod.vocab.protocol import parsed

LOOPBACK = ("127.0.0.1", "::1")
LOCALHOST_MODE = MeshConfig.InboundTrafficPolicy.Mode.LOCALHOST


class Inbound(NamedTuple):
    """All that one cluster is made from. `services` are those with this port, the first describes it.

    `number` names the cluster; `bind` and `target` are where the application listens, "" for the address
    the client dialled. `policy` is that of the first service's rule. `pool` is the Sidecar's and counts
    before it. `host` is whom metrics name, `hosts` are all services that lead here.
    """

    number: int
    services: tuple[Service, ...]
    port: Port
    bind: str
    target: int
    rule: MergedDestinationRule | None
    policy: ClusterPolicy
    pool: ConnectionPoolSettings | None
    host: str
    client: ClusterClient
    settings: MeshSettings
    ipv4: bool
    hosts: tuple[str, ...]


def inbound_cluster(made: Inbound) -> Cluster:
    """One cluster."""
    name = cluster_name.inbound(made.number)
    pool = made.pool if made.pool is not None else made.policy.pool
    version = upstream_protocol(
        pool, made.port.protocol, preserves_case=made.client.preserves_case, outbound=False
    )
    cluster = Cluster(
        name=name,
        alt_stat_name=_alt_stat_name(made, name),
        common_lb_config=Cluster.CommonLbConfig(),
        metadata=_metadata(made),
        typed_extension_protocol_options=http_options(http_protocol_options(pool, version)),
        upstream_bind_config=None if made.bind in LOOPBACK else magic_source(made.ipv4),
    )
    return joined(cluster, _discovery(made, name), limits(pool, made.settings, made.policy.retry_budget))


def default_bind(settings: MeshSettings, localhost: str) -> str:
    """Where applications listen: on the address that was dialled, or on loopback if the mesh says so."""
    return localhost if settings.config.inbound_traffic_policy.mode == LOCALHOST_MODE else ""


def _discovery(made: Inbound, name: str) -> Cluster:
    if not made.bind:
        cluster = Cluster(
            type=Cluster.ORIGINAL_DST, lb_policy=Cluster.CLUSTER_PROVIDED, cleanup_interval=FOREVER
        )
        target = made.services[0].port_override(made.port.number) if made.services else 0
        if target:
            cluster.original_dst_lb_config.upstream_port_override.value = target
        return cluster
    endpoint = LbEndpoint(endpoint=Endpoint(address=address(made.bind, made.target)))
    endpoints = [LocalityLbEndpoints(lb_endpoints=[endpoint])]
    return fixed(Cluster.STATIC, ClusterLoadAssignment(cluster_name=name, endpoints=endpoints))


def _metadata(made: Inbound) -> Metadata | None:
    """Services outside of the mesh have none of their own here. A rule shows if it has a policy at all."""
    if not made.services or made.services[0].mesh_external:
        return None
    own = made.rule if made.rule is not None and made.rule.message.HasField("traffic_policy") else None
    return about.cluster_metadata(about.of_services(made.services), about.of_rule(own))


def _alt_stat_name(made: Inbound, name: str) -> str:
    pattern = made.settings.config.inbound_cluster_stat_name
    if not pattern:
        return stat_name(name)
    first = made.services[0] if made.services else None
    named = outbound_stat_name(pattern, first, "", made.port.number, made.port.name, made.host, made.number)
    return stat_name(named)


def service_inbounds(
    targets: tuple[ServiceTarget, ...],
    rules: tuple[MergedDestinationRule | None, ...],
    sidecar: Sidecar | None,
    bind: str,
    client: ClusterClient,
    settings: MeshSettings,
    ipv4: bool,
) -> Iterator[Inbound]:
    """One for each port of the workload. `rules` are those of the targets' services, in their order."""
    by_port: dict[int, list[tuple[ServiceTarget, MergedDestinationRule | None]]] = {}
    for target, rule in zip(targets, rules, strict=True):
        by_port.setdefault(target.target_port, []).append((target, rule))
    for number, found in by_port.items():
        first, rule = found[0]
        port = first.port
        yield Inbound(
            number=number,
            services=tuple(t.service for t, _ in found if t.port.number == port.number),
            port=port,
            bind=bind,
            target=number,
            rule=rule,
            policy=cluster_policy(rule, port.number, "", "", settings),
            pool=sidecar_pool(sidecar, number),
            host=first.service.hostname,
            client=client,
            settings=settings,
            ipv4=ipv4,
            hosts=tuple(t.service.hostname for t, _ in found),
        )


def ingress_inbounds(
    sidecar: Sidecar,
    targets: tuple[ServiceTarget, ...],
    rules: tuple[MergedDestinationRule | None, ...],
    addresses: tuple[str, ...],
    client: ClusterClient,
    settings: MeshSettings,
    ipv4: bool,
) -> Iterator[Inbound]:
    """One for each ingress listener. A service that leads to its port describes it, not its protocol."""
    for listener in sidecar.message.ingress:
        place = application(listener.default_endpoint, addresses)
        if place is None:
            continue
        number = listener.port.number
        port = Port(listener.port.name, number, parsed(listener.port.protocol))
        index = next((i for i, t in enumerate(targets) if t.target_port == number), None)
        service = targets[index].service if index is not None else None
        rule = rules[index] if index is not None else None
        host = service.hostname if service is not None else f"{sidecar.name}.{sidecar.namespace}"
        yield Inbound(
            number=number,
            services=(service,) if service is not None else (),
            port=port,
            bind=place[0],
            target=place[1],
            rule=rule,
            policy=cluster_policy(rule, number, "", "", settings),
            pool=sidecar_pool(sidecar, number),
            host=host,
            client=client,
            settings=settings,
            ipv4=ipv4,
            hosts=(host,),
        )


def application(endpoint: str, addresses: tuple[str, ...]) -> tuple[str, int] | None:
    """Where a defaultEndpoint says that the application listens; ("", 0) is the address that was dialled.

    0.0.0.0 and [::] stand for the Pod's own address, the loopback addresses for the one of its family. None
    for something that is no address.
    """
    if not endpoint or endpoint.startswith(UNIX):
        return endpoint, 0
    host, _, port = endpoint.rpartition(":")
    if not port.isdecimal():
        return None
    host = host.strip("[]")
    ipv4 = [a for a in addresses if ":" not in a]
    ipv6 = [a for a in addresses if ":" in a]
    meant = {
        "0.0.0.0": next(iter(ipv4), LOOPBACK[0]),
        "::": next(iter(ipv6), LOOPBACK[1]),
        **dict.fromkeys(LOOPBACK, LOOPBACK[0] if ipv4 else LOOPBACK[1]),
    }
    return meant.get(host, ""), int(port)


def sidecar_pool(sidecar: Sidecar | None, number: int) -> ConnectionPoolSettings | None:
    """The pool of the ingress listener of this port, or else the Sidecar's for all; it counts as a whole."""
    if sidecar is None:
        return None
    for listener in sidecar.message.ingress:
        if listener.port.number == number and listener.HasField("connection_pool"):
            return listener.connection_pool
    message = sidecar.message
    return message.inbound_connection_pool if message.HasField("inbound_connection_pool") else None
