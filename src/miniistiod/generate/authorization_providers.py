"""MeshConfig.extensionProviders → the filters with which each provider of external authorization is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import ExtAuthz as HttpExtAuthz
from envoy.extensions.filters.network.ext_authz.v3.ext_authz_pb2 import ExtAuthz as NetworkExtAuthz

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.mesh.collectors import located
from miniistiod.mesh.kept import kept
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.mesh_config import envoy_ext_authz, ext_authz_faults
from miniistiod.translate.mesh_config.collector import Collector

EXTERNAL = ("envoy_ext_authz_http", "envoy_ext_authz_grpc")

Locate = Callable[[str, int], Collector | None]
"""Where the service HOST or NAMESPACE/HOST is at this port; None when there is none, or not just one."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The filters that ask one provider; one that speaks HTTP cannot be asked for TCP connections."""

    http: HttpExtAuthz
    network: NetworkExtAuthz | None


@dataclass(frozen=True, slots=True, eq=False)
class Providers:
    """The usable providers by name. Equal only to itself, so it can be part of a memo's key."""

    asked: Mapping[str, Asked] = field(default_factory=dict)


NONE = Providers()


@kept
def mesh_providers(settings: MeshSettings, services: ServiceIndex) -> Providers:
    """Those of the mesh."""
    return providers(settings.config.extension_providers, lambda name, port: located(services, name, port))


def providers(declared: Sequence[MeshConfig.ExtensionProvider], locate: Locate) -> Providers:
    """Those with no fault; a name given twice makes both unusable."""
    external = [p for p in declared if p.WhichOneof("provider") in EXTERNAL]
    times = Counter(p.name for p in external)
    found = {p.name: _asked(p, locate) for p in external if times[p.name] == 1}
    return Providers({name: asked for name, asked in found.items() if asked is not None})


def _asked(provider: MeshConfig.ExtensionProvider, locate: Locate) -> Asked | None:
    name = provider.name
    message = getattr(provider, str(provider.WhichOneof("provider")))
    if any(ext_authz_faults.name_faults(name)) or any(ext_authz_faults.provider_faults(message)):
        return None
    service = locate(message.service, message.port)
    if service is None:
        return None
    if isinstance(message, envoy_ext_authz.HttpProvider):
        return Asked(envoy_ext_authz.http_service_filter(message, name, service), None)
    return Asked(
        envoy_ext_authz.grpc_service_filter(message, name, service),
        envoy_ext_authz.network_filter(message, name, service),
    )
