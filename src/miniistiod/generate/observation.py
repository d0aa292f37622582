"""What a proxy tells of its traffic: access logs, metrics and traces, from Telemetries and MeshConfig."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag
from google.protobuf.any_pb2 import Any

from miniistiod.api.istio.mesh.proxy_pb2 import Tracing
from miniistiod.mesh import telemetry, telemetry_metrics
from miniistiod.mesh.collectors import SAMPLER, Collectors
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.telemetry import Applied, LogChoice, TracingChoice, provider_named
from miniistiod.proxy.node import Proxy
from miniistiod.proxy.proxy_config import EffectiveProxyConfig
from miniistiod.translate.mesh_config import opentelemetry, tracing, tracing_provider
from miniistiod.translate.mesh_config.access_log_file import mesh_access_log
from miniistiod.translate.mesh_config.access_log_provider import provider_access_log
from miniistiod.translate.mesh_config.envoy_grpc_access_log import mesh_http_als, mesh_tcp_als
from miniistiod.translate.telemetry.access_logging import NO_ROUTE, expression, filtered
from miniistiod.translate.telemetry.metrics import stats_config
from miniistiod.translate.telemetry.tracing import custom_tags
from miniistiod.vocab.listener_class import ListenerClass


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """The access logs of requests, connections and listeners, and the configurations of istio.stats."""

    http_logs: tuple[AccessLog, ...] = ()
    tcp_logs: tuple[AccessLog, ...] = ()
    listener_logs: tuple[AccessLog, ...] = ()
    stats: tuple[Any, ...] = ()


@kept
def observation(
    applied: Applied, settings: MeshSettings, collectors: Collectors, side: ListenerClass
) -> Observation:
    """The same for all proxies to which the same Telemetries apply."""
    logs = _telemetry_logs(applied, settings, collectors, side)
    stats = _stats(applied, settings, side)
    quiet = settings.config.disable_envoy_listener_log
    if not logs:
        return _mesh_logs(settings, stats, quiet)
    plain = tuple(filtered(log, expression(choice.only)) for choice, log in logs if not choice.off)
    unrouted = tuple(
        filtered(log, NO_ROUTE, expression(choice.only)) for choice, log in logs if not choice.off
    )
    return Observation(plain, plain, () if quiet else unrouted, stats)


def _telemetry_logs(
    applied: Applied, settings: MeshSettings, collectors: Collectors, side: ListenerClass
) -> list[tuple[LogChoice, AccessLog]]:
    """By name of the provider. Empty when none is usable: then the mesh's own settings count."""
    found = []
    for choice in telemetry.access_logs(applied, settings.config, side) or ():
        provider = provider_named(settings.config, choice.provider)
        if provider is not None:
            log = provider_access_log(provider, collectors.of(provider.name), settings.config)
            found += [(provider.name, choice, log)] if log is not None else []
    return [(choice, log) for _, choice, log in sorted(found, key=lambda entry: entry[0])]


def _mesh_logs(settings: MeshSettings, stats: tuple[Any, ...], quiet: bool) -> Observation:
    """accessLogFile and enableEnvoyAccessLogService."""
    config = settings.config
    path, service = config.access_log_file, config.enable_envoy_access_log_service
    files = (mesh_access_log(path, config),) if path else ()
    unrouted = (mesh_access_log(path, config, NO_ROUTE),) if path else ()
    if service:
        unrouted = (*unrouted, mesh_tcp_als("listener_envoy_accesslog", NO_ROUTE))
    return Observation(
        http_logs=(*files, mesh_http_als()) if service else files,
        tcp_logs=(*files, mesh_tcp_als()) if service else files,
        listener_logs=() if quiet else unrouted,
        stats=stats,
    )


def _stats(applied: Applied, settings: MeshSettings, side: ListenerClass) -> tuple[Any, ...]:
    """One istio.stats for each provider that is Prometheus; no other kind is a filter."""
    found = telemetry_metrics.metrics(applied, settings.config, side)
    providers = ((name, provider_named(settings.config, name)) for name in sorted(found))
    return tuple(
        stats_config(found[name], side)
        for name, provider in providers
        if provider is not None and provider.WhichOneof("provider") == "prometheus"
    )


@dataclass(frozen=True, slots=True)
class SpanIdentity:
    """What spans say of their proxy. A value, shared by all replicas of a workload.

    `cluster` is the Node's own; `service` the name by OpenTelemetry's conventions. `formats`: it knows tags
    made by a format.
    """

    labels: tuple[tuple[str, str], ...]
    namespace: str
    mesh_id: str
    cluster_id: str
    cluster: str
    service: str
    router: bool
    formats: bool = True


TAGS_BY_FORMAT = (1, 29), (1, 37)
"""The first release of Istio, and of Envoy, that knows tags of spans made by a format."""

_IDENTITY_LABELS = ("service.istio.io/canonical-name", "service.istio.io/canonical-revision")


@kept
def span_identity(proxy: Proxy) -> SpanIdentity:
    """The identity of a proxy's spans. Kept although no other proxy shares it: each push asks."""
    return SpanIdentity(
        labels=tuple((name, proxy.labels[name]) for name in _IDENTITY_LABELS if name in proxy.labels),
        namespace=proxy.namespace,
        mesh_id=proxy.mesh_id,
        cluster_id=proxy.cluster,
        cluster=proxy.node_cluster,
        service=_conventional_name(proxy),
        router=proxy.is_router,
        formats=not proxy.is_older(*TAGS_BY_FORMAT),
    )


def _conventional_name(proxy: Proxy) -> str:
    """OpenTelemetry's rule for the name of a service in Kubernetes."""
    containers = str(proxy.metadata.get("APP_CONTAINERS") or "").split(",")
    names = (
        proxy.annotations.get("resource.opentelemetry.io/service.name"),
        proxy.labels.get("app.kubernetes.io/instance"),
        proxy.labels.get("app.kubernetes.io/name"),
        proxy.workload,
        proxy.id.partition(".")[0],
        containers[0] if len(containers) == 1 else "",
    )
    return next((name for name in names if name), "unknown_service")


class Traces(NamedTuple):
    """`tracing` is this part of a serialised connection manager, empty without traces: every workload has its
    own. `by_request_id`: the request's id carries whether it is traced.
    """

    tracing: bytes = b""
    by_request_id: bool = True


@kept
def traces(
    applied: Applied,
    settings: MeshSettings,
    collectors: Collectors,
    proxy_config: EffectiveProxyConfig,
    identity: SpanIdentity,
    side: ListenerClass,
) -> Traces:
    """Of the Telemetries; if they do not speak of traces, of the mesh and the proxy itself."""
    own = proxy_config.message.tracing
    choice = telemetry.tracing(applied, settings.config, side)
    tags = list(_istio_tags(identity)) if _tagged(choice, own) else []
    if choice is None:
        if not settings.config.enable_tracing:
            return Traces()
        tags += tracing.custom_tags(own.custom_tags)
        return Traces(_part(tracing.spans(tracing.sampling(own), tags, own.max_path_tag_length)))
    base = _provider_spans(choice, collectors, identity)
    if base is None:
        return Traces()
    tags += (
        custom_tags(choice.tags, identity.formats) if choice.tags else tracing.custom_tags(own.custom_tags)
    )
    spans = tracing.spans(_sampling(choice, own), tags, own.max_path_tag_length, base)
    if not choice.propagates:
        spans = tracing.without_propagation(spans)
    return Traces(_part(spans), choice.sample_by_request_id)


def _part(spans: Hcm.Tracing) -> bytes:
    return bytes(Hcm(tracing=spans).SerializeToString(deterministic=True))


def _istio_tags(identity: SpanIdentity) -> tuple[CustomTag, ...]:
    return tracing.istio_tags(
        dict(identity.labels), identity.namespace, identity.mesh_id, identity.cluster_id
    )


def _tagged(choice: TracingChoice | None, own: Tracing) -> bool:
    return tracing.istio_tags_wanted(own) if choice is None else choice.istio_tags


def _sampling(choice: TracingChoice, own: Tracing) -> float:
    """With a sampler of its own the provider must see every span."""
    provider = choice.provider
    if provider is not None and opentelemetry.samples(provider.opentelemetry):
        return 100.0
    return choice.sampling if choice.sampling is not None else tracing.sampling(own)


def _provider_spans(
    choice: TracingChoice, collectors: Collectors, identity: SpanIdentity
) -> Hcm.Tracing | None:
    """None when tracing is off, or the provider cannot trace or is nowhere to be found."""
    provider = choice.provider
    collector = collectors.of(provider.name) if provider is not None else None
    if choice.off or provider is None or collector is None:
        return None
    conventional = opentelemetry.conventional(provider.opentelemetry)
    return tracing_provider.provider_tracing(
        provider,
        collector,
        identity.service if conventional else identity.cluster,
        child_span=identity.router,
        sampler=collectors.of(provider.name + SAMPLER),
    )
