"""Which Telemetry settings apply to a workload, and what several of them come to.

The root namespace's comes first, then the namespace's, then those that select the workload; a later one
replaces the providers of an earlier one, and keeps its other settings where it has none of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.telemetry.telemetry_pb2 import (
    AccessLogging,
    ProviderRef,
    Telemetry,
    Tracing,
    WorkloadMode,
)
from miniistiod.config.objects import Object
from miniistiod.mesh.policies import PolicyIndex, applies, target_references
from miniistiod.vocab.listener_class import ListenerClass

Provider = MeshConfig.ExtensionProvider
Applied = tuple[Object[Telemetry], ...]
"""The Telemetries of a workload, the widest first."""


def applied(policies: PolicyIndex[Telemetry], namespace: str, labels: Mapping[str, str]) -> Applied:
    """Those of a workload. Of the wide ones of a namespace only the oldest counts."""
    wide = (_wide(policies.in_namespace(n)) for n in dict.fromkeys((policies.root_namespace, namespace)))
    own = (t for t in policies.in_namespace(namespace) if not is_wide(t.message))
    chosen = (t for t in own if applies(t, namespace, labels))
    return (*(t for t in wide if t is not None), *chosen)


def is_wide(telemetry: Telemetry) -> bool:
    """Whether it is for a whole namespace."""
    return not (telemetry.selector.match_labels or target_references(telemetry))


def _wide(candidates: Applied) -> Object[Telemetry] | None:
    return next((t for t in candidates if is_wide(t.message)), None)


def provider_named(mesh: MeshConfig, name: str) -> Provider | None:
    """The mesh's provider of that name, in any case."""
    return next((p for p in mesh.extension_providers if p.name.lower() == name.lower()), None)


def mode_of(side: ListenerClass) -> WorkloadMode:
    """A gateway is a client of what is behind it."""
    return WorkloadMode.SERVER if side is ListenerClass.SIDECAR_INBOUND else WorkloadMode.CLIENT


@dataclass(frozen=True, slots=True)
class LogChoice:
    """One provider's access log: off, or with a filter, or plain."""

    provider: str
    off: bool = False
    only: AccessLogging.Filter | None = None


def access_logs(applied: Applied, mesh: MeshConfig, side: ListenerClass) -> tuple[LogChoice, ...] | None:
    """The logs to write. None when neither a Telemetry nor the default providers speak of access logs."""
    layers = [t.message.access_logging for t in applied if t.message.access_logging]
    defaults = tuple(mesh.default_providers.access_logging)
    if not layers:
        return tuple(LogChoice(name) for name in defaults) if defaults else None
    mode = mode_of(side)
    filters = {
        name: rule for layer in layers for rule in _of_mode(layer, mode) for name in _names(rule.providers)
    }
    in_force = _last_named(
        ([n for rule in _of_mode(layer, mode) for n in _names(rule.providers)] for layer in layers), defaults
    )
    chosen: dict[str, LogChoice] = {}
    inherited = defaults
    for rule in (rule for layer in layers for rule in layer):
        inherited = _names(rule.providers) or inherited
        if not _is_of_mode(rule, mode):
            continue
        for name in inherited:
            if name in in_force:
                chosen[name] = _log_choice(name, rule, filters.get(name))
    return tuple(chosen.values())


def _log_choice(name: str, rule: AccessLogging, filtered: AccessLogging | None) -> LogChoice:
    if rule.disabled.value:
        return LogChoice(name, off=True)
    only = filtered.filter if filtered is not None and filtered.HasField("filter") else None
    return LogChoice(name, only=only)


def _of_mode(layer: Iterable[AccessLogging], mode: WorkloadMode) -> list[AccessLogging]:
    return [rule for rule in layer if _is_of_mode(rule, mode)]


def _is_of_mode(rule: AccessLogging, mode: WorkloadMode) -> bool:
    return rule.match.mode in (WorkloadMode.CLIENT_AND_SERVER, mode)


def _names(providers: Iterable[ProviderRef]) -> tuple[str, ...]:
    return tuple(provider.name for provider in providers)


def _last_named(layers: Iterable[Iterable[str]], defaults: Iterable[str]) -> frozenset[str]:
    """The providers of the last layer that names any."""
    named = tuple(defaults)
    for layer in layers:
        named = tuple(layer) or named
    return frozenset(named)


@dataclass(frozen=True, slots=True)
class TracingChoice:
    """The tracing of one side. `sampling` None leaves it to the proxy's own configuration. `propagates`: what
    comes next is told of the trace.
    """

    provider: Provider | None = None
    off: bool = False
    sampling: float | None = None
    tags: Mapping[str, Tracing.CustomTag] = field(default_factory=dict)
    sample_by_request_id: bool = True
    istio_tags: bool = True
    propagates: bool = True


def tracing(applied: Applied, mesh: MeshConfig, side: ListenerClass) -> TracingChoice | None:
    """None when neither a Telemetry nor the default providers speak of it. Off without a provider."""
    rules = [rule for t in applied for rule in t.message.tracing]
    defaults = mesh.default_providers.tracing
    if not rules and not defaults:
        return None
    choice = TracingChoice(provider_named(mesh, defaults[0]) if defaults else None)
    mode = mode_of(side)
    for rule in rules:
        if rule.match.mode in (WorkloadMode.CLIENT_AND_SERVER, mode):
            choice = _with_rule(choice, rule, mesh)
    return choice if choice.provider is not None else replace(choice, off=True)


def _with_rule(choice: TracingChoice, rule: Tracing, mesh: MeshConfig) -> TracingChoice:
    """What the rule says; the rest stays."""
    names = _names(rule.providers)
    return TracingChoice(
        provider=provider_named(mesh, names[0]) if names else choice.provider,
        off=rule.disable_span_reporting.value if rule.HasField("disable_span_reporting") else choice.off,
        sampling=rule.random_sampling_percentage.value
        if rule.HasField("random_sampling_percentage")
        else choice.sampling,
        tags=rule.custom_tags or choice.tags,
        sample_by_request_id=rule.use_request_id_for_trace_sampling.value
        if rule.HasField("use_request_id_for_trace_sampling")
        else choice.sample_by_request_id,
        istio_tags=rule.enable_istio_tags.value if rule.HasField("enable_istio_tags") else choice.istio_tags,
        propagates=not rule.disable_context_propagation.value
        if rule.HasField("disable_context_propagation")
        else choice.propagates,
    )
