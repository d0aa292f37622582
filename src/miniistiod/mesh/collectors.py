"""Where the services of extensionProviders are: the collectors of logs and traces, and the SDS server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.mesh.kept import kept
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.translate.mesh_config.collector import Collector
from miniistiod.vocab import cluster_name

Provider = MeshConfig.ExtensionProvider

SAMPLER = "/sampler"
"""Appended to the name of a tracing provider: the service that its sampler asks."""


@dataclass(frozen=True, slots=True)
class Collectors:
    """By name of the provider. A value: equal as long as the same services are where they were."""

    places: tuple[tuple[str, Collector], ...] = ()

    def of(self, name: str) -> Collector | None:
        """None when the provider's service does not exist, or exists in several namespaces."""
        return next((place for provider, place in self.places if provider == name), None)


@kept
def collectors(settings: MeshSettings, services: ServiceIndex) -> Collectors:
    """The collectors of all the mesh's providers."""
    wanted = (named for provider in settings.config.extension_providers for named in _services(provider))
    found = ((name, located(services, service, port)) for name, service, port in wanted)
    return Collectors(tuple((name, place) for name, place in found if place is not None))


def located(services: ServiceIndex, name: str, port: int) -> Collector | None:
    """The service HOST or NAMESPACE/HOST. A bare host must be one service only."""
    namespace, slash, host = name.partition("/")
    if slash:
        found = services.service(host, namespace)
        return None if found is None else _at(found.hostname, port)
    candidates = services.of_host(name)
    return _at(name, port) if len(candidates) == 1 else None


def _at(host: str, port: int) -> Collector:
    return Collector(host, cluster_name.outbound(host, port))


def _services(provider: Provider) -> Iterator[tuple[str, str, int]]:
    which = provider.WhichOneof("provider")
    message = getattr(provider, which) if which else None
    if message is None or "service" not in message.DESCRIPTOR.fields_by_name:
        return
    yield provider.name, message.service, message.port
    if which == "opentelemetry" and message.dynatrace_sampler.HasField("http_service"):
        sampler = message.dynatrace_sampler.http_service
        yield provider.name + SAMPLER, sampler.service, sampler.port
