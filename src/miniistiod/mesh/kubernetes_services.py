"""Kubernetes Service → Service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.identity import identity
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import UNSPECIFIED, Port, Registry, Resolution, Service
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.traffic_distribution import traffic_distribution
from miniistiod.mesh.visibility import export_to
from miniistiod.vocab.protocol import of_kubernetes_port

EXPORT_TO = "networking.istio.io/exportTo"
CANONICAL_ACCOUNTS = "alpha.istio.io/canonical-serviceaccounts"
KUBERNETES_ACCOUNTS = "alpha.istio.io/kubernetes-serviceaccounts"


@kept
def kubernetes_service(
    origin: Object[core_pb2.Service], namespace_distribution: str, settings: MeshSettings
) -> Service:
    """One Service. `namespace_distribution` is its namespace's annotation for traffic distribution."""
    spec = origin.message.spec
    external = spec.external_name if spec.type == "ExternalName" else ""
    annotations = origin.annotations
    return Service(
        hostname=f"{origin.name}.{origin.namespace}.svc.{settings.domain}",
        name=origin.name,
        namespace=origin.namespace,
        ports=tuple(service_port(port) for port in spec.ports),
        resolution=resolution(spec, external),
        registry=Registry.KUBERNETES,
        origin=origin,
        created=origin.age,
        addresses=cluster_addresses(spec),
        external_addresses=external_addresses(origin.message),
        mesh_external=bool(external),
        export_to=export_to(listed(annotations, EXPORT_TO), settings.service_export_to, origin.namespace),
        labels=origin.labels,
        annotations=annotations,
        selector=dict(spec.selector),
        service_accounts=tuple(service_accounts(origin, settings.trust_domain)),
        external_name=external,
        traffic_distribution=traffic_distribution(
            spec.traffic_distribution, annotations, namespace_distribution
        ),
        headless=spec.cluster_ip == "None",
        node_local=spec.internal_traffic_policy == "Local",
        publish_not_ready=spec.publish_not_ready_addresses,
    )


def service_port(port: core_pb2.ServicePort) -> Port:
    """One port, with the protocol it declares."""
    protocol = of_kubernetes_port(port.port, port.name, port.protocol, port.app_protocol)
    return Port(port.name, port.port, protocol, port.target_port.name or port.target_port.number)


def resolution(spec: core_pb2.ServiceSpec, external: str) -> Resolution:
    """Headless services are not balanced by clients; ExternalName is another name of another service."""
    if spec.cluster_ip == "None":
        return Resolution.PASSTHROUGH
    return Resolution.ALIAS if external else Resolution.STATIC


def cluster_addresses(spec: core_pb2.ServiceSpec) -> tuple[str, ...]:
    """The VIPs, the main one first."""
    if spec.cluster_ip in ("", "None"):
        return (UNSPECIFIED,)
    return tuple(spec.cluster_ips) if len(spec.cluster_ips) > 1 else (spec.cluster_ip,)


def external_addresses(service: core_pb2.Service) -> tuple[str, ...]:
    """Where the load balancer in front of it is reached, then its external IPs."""
    balancer = service.status.load_balancer.ingress if service.spec.type == "LoadBalancer" else ()
    return (*(i.ip or i.hostname for i in balancer if i.ip or i.hostname), *service.spec.external_ips)


def listed(annotations: Mapping[str, str], name: str) -> list[str]:
    """The comma-separated words of an annotation."""
    return [word.strip() for word in annotations.get(name, "").split(",") if word.strip()]


def service_accounts(origin: Object[core_pb2.Service], trust_domain: str) -> Iterator[str]:
    """The identities a client may accept, as the annotations give them."""
    yield from listed(origin.annotations, CANONICAL_ACCOUNTS)
    for account in listed(origin.annotations, KUBERNETES_ACCOUNTS):
        yield identity(trust_domain, origin.namespace, account)
