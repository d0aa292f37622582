"""Istio's defaults and the layers that users give → the one MeshConfig and MeshNetworks that hold.

A field named by a later layer replaces the earlier one, except where Istio merges: defaultConfig and
defaultProviders field by field, extensionProviders by name, trustDomainAliases as a sum.
Source of the defaults and of the merging: istio's pkg/config/mesh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.mesh.network_pb2 import MeshNetworks
from miniistiod.api.istio.mesh.proxy_pb2 import AuthenticationPolicy, ProxyConfig
from miniistiod.api.istio.networking.destination_rule_pb2 import LocalityLoadBalancerSetting
from miniistiod.config.mesh_layer import NESTED, MeshLayer
from miniistiod.config.objects import AnyObject

ROOT_NAMESPACE = "istio-system"
MERGED = (*NESTED, "extension_providers", "trust_domain_aliases")
HEADERS_KEPT = ("forwarded_client_cert", "request_id", "attempt_count", "server", "envoy_debug_headers")
"""Parts of proxyHeaders that an override without them leaves as they were."""

Provider = MeshConfig.ExtensionProvider


def default_proxy_config() -> ProxyConfig:
    """What a proxy has when nobody says otherwise."""
    return ProxyConfig(
        config_path="./etc/istio/proxy",
        binary_path="/usr/local/bin/envoy",
        service_cluster="istio-proxy",
        drain_duration=Duration(seconds=45),
        termination_drain_duration=Duration(seconds=5),
        proxy_admin_port=15000,
        control_plane_auth_policy=AuthenticationPolicy.MUTUAL_TLS,
        discovery_address="istiod.istio-system.svc:15012",
        stat_name_length=189,
        status_port=15020,
    )


def default_mesh_config() -> MeshConfig:
    """What a mesh has when nobody says otherwise."""
    return MeshConfig(
        enable_tracing=True,
        protocol_detection_timeout=Duration(),
        ingress_service="istio-ingressgateway",
        ingress_controller_mode=MeshConfig.STRICT,
        ingress_class="istio",
        trust_domain="cluster.local",
        enable_auto_mtls=BoolValue(value=True),
        outbound_traffic_policy=MeshConfig.OutboundTrafficPolicy(
            mode=MeshConfig.OutboundTrafficPolicy.ALLOW_ANY
        ),
        inbound_traffic_policy=MeshConfig.InboundTrafficPolicy(
            mode=MeshConfig.InboundTrafficPolicy.PASSTHROUGH
        ),
        locality_lb_setting=LocalityLoadBalancerSetting(enabled=BoolValue(value=True)),
        default_config=default_proxy_config(),
        root_namespace=ROOT_NAMESPACE,
        proxy_listen_port=15001,
        proxy_inbound_listen_port=15006,
        connect_timeout=Duration(seconds=10),
        default_service_export_to=["*"],
        default_virtual_service_export_to=["*"],
        default_destination_rule_export_to=["*"],
        dns_refresh_rate=Duration(seconds=60),
        enable_prometheus_merge=BoolValue(value=True),
        default_providers=MeshConfig.DefaultProviders(),
        extension_providers=[
            Provider(name="prometheus", prometheus=Provider.PrometheusMetricsProvider()),
            Provider(name="stackdriver", stackdriver=Provider.StackdriverProvider()),
            Provider(
                name="envoy", envoy_file_access_log=Provider.EnvoyFileAccessLogProvider(path="/dev/stdout")
            ),
        ],
    )


def mesh_config(layers: Iterable[AnyObject]) -> MeshConfig:
    """The defaults with each layer laid over them, in this order."""
    merged = default_mesh_config()
    for layer in layers:
        if isinstance(layer, MeshLayer) and isinstance(layer.message, MeshConfig):
            _lay_over(merged, layer)
    return merged


def mesh_networks(layers: Iterable[AnyObject]) -> MeshNetworks:
    """The networks of all layers; a later layer replaces a network of the same name."""
    merged = MeshNetworks()
    for layer in layers:
        for name, network in layer.message.networks.items():
            merged.networks[name].CopyFrom(network)
    return merged


def ordered(layers: Sequence[AnyObject], root_namespace: str) -> tuple[AnyObject, ...]:
    """The layers that count, weakest first: ConfigMaps of the root namespace, then the explicit kinds."""
    from_maps = [
        one for one in layers if _from_map(one) and one.namespace in (ROOT_NAMESPACE, root_namespace)
    ]
    from_maps.sort(key=lambda one: one.namespace == root_namespace)
    return (*from_maps, *(one for one in layers if not _from_map(one)))


def _from_map(layer: AnyObject) -> bool:
    return isinstance(layer, MeshLayer) and layer.carrier == "ConfigMap"


def _lay_over(merged: MeshConfig, layer: MeshLayer) -> None:
    given, message = layer.given, layer.message
    replaced = [name for name in given if "." not in name and name not in MERGED]
    _replace(merged, message, replaced)
    if "default_config" in given:
        _lay_over_proxy(merged.default_config, message.default_config, _under("default_config", given))
    if "default_providers" in given:
        _replace(merged.default_providers, message.default_providers, _under("default_providers", given))
    _add_providers(merged, message)
    merged.trust_domain_aliases[:] = sorted({*merged.trust_domain_aliases, *message.trust_domain_aliases})


def _under(name: str, given: frozenset[str]) -> list[str]:
    return [inner.partition(".")[2] for inner in given if inner.startswith(name + ".")]


def _lay_over_proxy(merged: ProxyConfig, message: ProxyConfig, given: list[str]) -> None:
    metadata, headers = dict(merged.proxy_metadata), ProxyConfig.ProxyHeaders()
    headers.CopyFrom(merged.proxy_headers)
    had_headers = merged.HasField("proxy_headers")
    _replace(merged, message, given)
    for name, value in metadata.items():
        if name not in merged.proxy_metadata:
            merged.proxy_metadata[name] = value
    if had_headers and merged.HasField("proxy_headers"):
        for name in HEADERS_KEPT:
            if headers.HasField(name) and not merged.proxy_headers.HasField(name):
                getattr(merged.proxy_headers, name).CopyFrom(getattr(headers, name))


def _replace(merged: Message, message: Message, names: Iterable[str]) -> None:
    """Take these fields over whole, also where their new value is the type's zero."""
    part = type(message)()
    part.CopyFrom(message)
    wanted = set(names)
    for descriptor in part.DESCRIPTOR.fields:
        if descriptor.name not in wanted:
            part.ClearField(descriptor.name)
    for name in wanted:
        merged.ClearField(name)
    merged.MergeFrom(part)


def _add_providers(merged: MeshConfig, message: MeshConfig) -> None:
    """Providers are known by name; a repeated name replaces the provider in its place."""
    at = {provider.name: provider for provider in merged.extension_providers}
    for provider in message.extension_providers:
        if provider.name in at:
            at[provider.name].CopyFrom(provider)
        else:
            merged.extension_providers.append(provider)
