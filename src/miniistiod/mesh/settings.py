"""The settings of the whole mesh: MeshConfig and MeshNetworks as `config` merged them, and what follows
from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from miniistiod.api.istio.mesh import config_pb2, network_pb2, proxy_pb2
from miniistiod.config.mesh_config import mesh_config, mesh_networks, ordered
from miniistiod.config.mesh_environment import with_environment
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept


@dataclass(frozen=True, slots=True, eq=False)
class MeshSettings:
    """The settings of the whole mesh. The same object until a MeshConfig changes, so it can be a key.

    `config` has Istio's defaults filled in; `sources` are the documents. `trust_domains` is the mesh's own
    and its aliases. The `*_export_to` are what an object without exportTo is exported to: namespaces, "*",
    "." or "~". `domain` ends the names of Kubernetes Services. `cluster` is the name of the one cluster
    there is.
    """

    config: config_pb2.MeshConfig
    networks: network_pb2.MeshNetworks
    sources: tuple[Object[Any], ...] = ()
    root_namespace: str = "istio-system"
    domain: str = "cluster.local"
    cluster: str = "Kubernetes"
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
        return self.config.enable_auto_mtls.value


Environment = tuple[tuple[str, str], ...]
"""The variables of the control plane's environment and their values."""


@kept
def settings(
    layers: tuple[Object[Any], ...], networks: tuple[Object[Any], ...] = (), environment: Environment = ()
) -> MeshSettings:
    """The settings of these MeshConfigs and MeshNetworks, of which `config` says which count."""
    layered = mesh_config(ordered(layers, mesh_config(ordered(layers, "")).root_namespace))
    config = with_environment(layered, dict(environment))
    aliases = sorted(set(config.trust_domain_aliases))
    return MeshSettings(
        config=config,
        networks=mesh_networks(ordered(networks, config.root_namespace)),
        sources=(*layers, *networks),
        root_namespace=config.root_namespace,
        trust_domain=config.trust_domain,
        trust_domains=(config.trust_domain, *aliases),
        service_export_to=frozenset(config.default_service_export_to),
        virtual_service_export_to=frozenset(config.default_virtual_service_export_to),
        destination_rule_export_to=frozenset(config.default_destination_rule_export_to),
    )
