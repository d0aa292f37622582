"""TrafficPolicy.TunnelSettings → TcpProxy.tunneling_config: TCP carried by an HTTP CONNECT, or by a POST."""

from __future__ import annotations

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from miniistiod.api.istio.networking.destination_rule_pb2 import DestinationRule, TrafficPolicy

POST = "POST"


def tunnel(settings: TrafficPolicy.TunnelSettings) -> TcpProxy.TunnelingConfig:
    """Where the tunnel ends; an IPv6 address is put in brackets."""
    host = f"[{settings.target_host}]" if ":" in settings.target_host else settings.target_host
    return TcpProxy.TunnelingConfig(
        hostname=f"{host}:{settings.target_port}", use_post=settings.protocol == POST
    )


def tunnel_of(rule: DestinationRule | None, subset: str = "") -> TcpProxy.TunnelingConfig | None:
    """The tunnel of a rule or of its subset. A subset without one has none: it does not take the rule's."""
    policies = [] if rule is None else [rule.traffic_policy]
    if rule is not None and subset:
        policies = [s.traffic_policy for s in rule.subsets if s.name == subset][:1]
    return next((tunnel(policy.tunnel) for policy in policies if policy.HasField("tunnel")), None)
