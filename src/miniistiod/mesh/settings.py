"""MeshConfig in force: the user's, over Istio's defaults."""

from __future__ import annotations

from dataclasses import dataclass

from miniistiod.api.istio.mesh import config_pb2, proxy_pb2
from miniistiod.config.objects import Object


@dataclass(frozen=True, slots=True, eq=False)
class MeshSettings:
    """The settings of the whole mesh. The same object until the MeshConfig changes, so it can be a key.

    `config` has Istio's defaults filled in. `trust_domains` is the mesh's own and its aliases. The
    `*_export_to` are what an object without exportTo is exported to: namespaces, "*", ".", "~".
    """

    config: config_pb2.MeshConfig
    origin: Object[config_pb2.MeshConfig] | None
    root_namespace: str = "istio-system"
    domain: str = "cluster.local"
    trust_domain: str = "cluster.local"
    trust_domains: tuple[str, ...] = ("cluster.local",)
    service_export_to: frozenset[str] = frozenset({"*"})
    virtual_service_export_to: frozenset[str] = frozenset({"*"})
    destination_rule_export_to: frozenset[str] = frozenset({"*"})

    @property
    def proxy_config(self) -> proxy_pb2.ProxyConfig:
        """What a proxy is configured with that sends no PROXY_CONFIG of its own."""
        return self.config.default_config

    @property
    def auto_mtls(self) -> bool:
        """Whether clients choose mutual TLS by themselves."""
        return not self.config.HasField("enable_auto_mtls") or self.config.enable_auto_mtls.value
