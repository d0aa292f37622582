"""DestinationRule: its host, its policies at the rule, the ports and the subsets, exportTo, selector.

Source: ValidateDestinationRule in istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from miniistiod.api.istio.networking.destination_rule_pb2 import DestinationRule, Subset, TrafficPolicy
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, values
from miniistiod.config.validation.client_tls import client_tls
from miniistiod.config.validation.connection_pool import connection_pool
from miniistiod.config.validation.finding import Findings, Steps, at, error
from miniistiod.config.validation.load_balancer import load_balancer
from miniistiod.config.validation.outlier_detection import outlier_detection
from miniistiod.config.validation.selector import workload_selector

AnyPolicy = TrafficPolicy | TrafficPolicy.PortTrafficPolicy


def rules(one: Object[DestinationRule]) -> Findings:
    """Everything the webhook says about a DestinationRule."""
    rule = one.message
    yield from at(("host",), names.wildcard_host(rule.host))
    if rule.HasField("traffic_policy"):
        yield from traffic_policy(rule.traffic_policy, ("trafficPolicy",), one.namespace)
    yield from _subsets(rule.subsets, one.namespace)
    with_selector = rule.HasField("workload_selector")
    yield from names.export_to(rule.export_to, one.namespace, selector=with_selector)
    if with_selector:
        yield from workload_selector(rule.workload_selector, ("workloadSelector",))


def _subsets(subsets: Sequence[Subset], namespace: str) -> Findings:
    seen: set[str] = set()
    for index, subset in enumerate(subsets):
        here: Steps = ("subsets", index)
        if subset.name in seen:
            yield from error(
                (*here, "name"), f"there is a subset {subset.name} already", "give each its own name"
            )
        seen.add(subset.name)
        yield from at((*here, "name"), names.dns_label(subset.name, "name of a subset"))
        yield from names.labels(subset.labels, (*here, "labels"))
        if subset.HasField("traffic_policy"):
            yield from traffic_policy(subset.traffic_policy, (*here, "trafficPolicy"), namespace)


def traffic_policy(policy: TrafficPolicy, steps: Steps, namespace: str) -> Findings:
    """A policy with its ports."""
    if not policy.ListFields():
        yield from error(steps, "this traffic policy says nothing", "fill it, or remove it")
        return
    if policy.HasField("tunnel") and policy.HasField("proxy_protocol"):
        yield from error((*steps, "proxyProtocol"), "tunnel beside proxyProtocol", "keep one of them")
        return
    yield from _fields(policy, steps, namespace)
    for index, port in enumerate(policy.port_level_settings):
        yield from _port_policy(port, (*steps, "portLevelSettings", index), namespace)
    if policy.HasField("tunnel"):
        yield from _tunnel(policy.tunnel, (*steps, "tunnel"))


def _fields(policy: AnyPolicy, steps: Steps, namespace: str) -> Findings:
    """What a policy has at any level."""
    if policy.HasField("outlier_detection"):
        yield from outlier_detection(policy.outlier_detection, (*steps, "outlierDetection"))
    if policy.HasField("connection_pool"):
        yield from connection_pool(policy.connection_pool, (*steps, "connectionPool"))
    if policy.HasField("load_balancer"):
        ejects = policy.HasField("outlier_detection")
        yield from load_balancer(policy.load_balancer, (*steps, "loadBalancer"), ejects=ejects)
    if policy.HasField("tls"):
        yield from client_tls(policy.tls, (*steps, "tls"), namespace)


def _port_policy(policy: TrafficPolicy.PortTrafficPolicy, steps: Steps, namespace: str) -> Findings:
    if not policy.HasField("port"):
        yield from error(steps, "the port is missing", "add port: {number: ...}")
    if all(descriptor.name == "port" for descriptor, _ in policy.ListFields()):
        yield from error(steps, "this policy of a port says nothing", "fill it, or remove it")
    yield from _fields(policy, steps, namespace)


def _tunnel(tunnel: TrafficPolicy.TunnelSettings, steps: Steps) -> Findings:
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        yield from error(
            (*steps, "protocol"), f'"{tunnel.protocol}" makes no tunnel', "write CONNECT or POST"
        )
    if not names.is_address(tunnel.target_host):
        yield from at((*steps, "targetHost"), names.fqdn(tunnel.target_host))
    yield from at((*steps, "targetPort"), values.port(tunnel.target_port))
