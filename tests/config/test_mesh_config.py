"""The mesh's configuration: Istio's defaults, and what users lay over them in three ways."""

from __future__ import annotations

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.config import of_text
from miniistiod.config.diagnostics import errors

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    enableTracing: false
    trustDomain: map.example
    trustDomainAliases: [z.example]
    defaultConfig:
      concurrency: 2
      proxyMetadata: {A: "1", B: "1"}
    extensionProviders:
    - name: prometheus
      zipkin: {service: zipkin.istio-system.svc.cluster.local, port: 9411}
  meshNetworks: |
    networks:
      one:
        endpoints: [{fromCidr: 10.0.0.0/8}]
---
"""
KIND = """\
apiVersion: install.istio.io/v1alpha1
kind: MeshConfig
spec:
  trustDomain: kind.example
  trustDomainAliases: [a.example]
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  defaultConfig:
    statNameLength: 64
    proxyMetadata: {B: "2"}
  defaultProviders: {accessLogging: [envoy]}
"""


def test_the_defaults_are_istios() -> None:
    mesh = of_text("").mesh_config
    assert mesh.enable_tracing
    assert mesh.enable_auto_mtls.value
    assert mesh.root_namespace == "istio-system"
    assert mesh.outbound_traffic_policy.mode == MeshConfig.OutboundTrafficPolicy.ALLOW_ANY
    assert mesh.connect_timeout.seconds == 10
    assert [provider.name for provider in mesh.extension_providers] == ["prometheus", "stackdriver", "envoy"]


def test_an_explicit_zero_overrides_a_default() -> None:
    mesh = of_text(CONFIG_MAP).mesh_config
    assert not mesh.enable_tracing
    assert mesh.default_config.concurrency.value == 2
    assert mesh.default_config.status_port == 15020


def test_later_layers_win_and_merge_where_istio_merges() -> None:
    mesh = of_text(KIND + "---\n" + CONFIG_MAP).mesh_config
    assert mesh.trust_domain == "kind.example"
    assert list(mesh.trust_domain_aliases) == ["a.example", "z.example"]
    assert mesh.outbound_traffic_policy.mode == MeshConfig.OutboundTrafficPolicy.REGISTRY_ONLY
    assert mesh.default_config.stat_name_length == 64
    assert dict(mesh.default_config.proxy_metadata) == {"A": "1", "B": "2"}
    assert list(mesh.default_providers.access_logging) == ["envoy"]
    (prometheus,) = (one for one in mesh.extension_providers if one.name == "prometheus")
    assert prometheus.WhichOneof("provider") == "zipkin"


def test_networks_come_from_the_config_map() -> None:
    networks = of_text(CONFIG_MAP).mesh_networks.networks
    assert networks["one"].endpoints[0].from_cidr == "10.0.0.0/8"


def test_istio_operator() -> None:
    store = of_text(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  profile: demo\n"
        "  meshConfig: {trustDomain: operator.example}\n"
    )
    assert store.mesh_config.trust_domain == "operator.example"
    (unused,) = store.diagnostics
    assert (unused.code, unused.line, unused.path) == ("unused-field", 4, "spec.profile")


def test_the_config_map_of_another_root_namespace_counts() -> None:
    elsewhere = CONFIG_MAP.replace("istio-system}", "mesh-root}")
    assert of_text(elsewhere).mesh_config.trust_domain == "cluster.local"
    root = KIND.replace("trustDomain: kind.example", "rootNamespace: mesh-root")
    assert of_text(elsewhere + root).mesh_config.trust_domain == "map.example"


def test_a_mistake_in_the_text_of_a_config_map_has_its_place_in_the_file() -> None:
    text = CONFIG_MAP.replace("    trustDomain:", "    trustDomian:")
    (wrong,) = errors(of_text(text).diagnostics)
    assert (wrong.line, wrong.column, wrong.path) == (7, 5, "data.mesh.trustDomian")
    assert wrong.remedy == "did you mean trustDomain?"
    first = of_text(CONFIG_MAP)
    assert first.with_file("input.yaml", text).mesh_config is first.mesh_config


def test_a_value_that_no_mesh_can_have() -> None:
    (wrong,) = errors(of_text(CONFIG_MAP.replace("concurrency: 2", "statusPort: 70000")).diagnostics)
    assert (wrong.line, wrong.path) == (10, "data.mesh.defaultConfig.statusPort")
