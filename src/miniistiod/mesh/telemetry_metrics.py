"""What the metrics settings of several Telemetries come to: one Metrics for each provider.

Overrides are a list in which later ones go on top, first by layer, then by place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.telemetry.telemetry_pb2 import (
    Metrics as MetricsRule,
)
from miniistiod.api.istio.telemetry.telemetry_pb2 import (
    MetricSelector,
    MetricsOverrides,
    WorkloadMode,
)
from miniistiod.mesh.telemetry import Applied, mode_of
from miniistiod.translate.telemetry.metrics import MetricOverride, Metrics
from miniistiod.vocab.listener_class import ListenerClass

ALL = MetricSelector.IstioMetric.ALL_METRICS
EVERY_METRIC = tuple(sorted(name for name, number in MetricSelector.IstioMetric.items() if number != ALL))


@dataclass(slots=True)
class _Draft:
    """A provider's metrics while rules are laid over each other."""

    off: bool = False
    interval: Duration | None = None
    overrides: dict[str, MetricOverride] = field(default_factory=dict)


def metrics(applied: Applied, mesh: MeshConfig, side: ListenerClass) -> Mapping[str, Metrics]:
    """By provider. A provider whose metrics are all switched off is not there."""
    rules = [rule for telemetry in applied for rule in telemetry.message.metrics]
    defaults = tuple(mesh.default_providers.metrics)
    if not rules:
        return {name: Metrics() for name in defaults}
    in_force = set(_last_named(rules, defaults))
    drafts: dict[str, _Draft] = {}
    inherited = defaults
    for rule in rules:
        inherited = _names(rule) or inherited
        for name in inherited:
            if name in in_force:
                _lay_over(drafts.setdefault(name, _Draft()), rule, mode_of(side))
    return {name: Metrics(d.overrides, d.interval) for name, d in drafts.items() if not d.off}


def _names(rule: MetricsRule) -> tuple[str, ...]:
    return tuple(provider.name for provider in rule.providers)


def _last_named(rules: Iterable[MetricsRule], defaults: tuple[str, ...]) -> tuple[str, ...]:
    named = defaults
    for rule in rules:
        named = _names(rule) or named
    return named


def _lay_over(draft: _Draft, rule: MetricsRule, mode: WorkloadMode) -> None:
    if rule.HasField("reporting_interval"):
        draft.interval = rule.reporting_interval
    for override in rule.overrides:
        if override.match.mode not in (WorkloadMode.CLIENT_AND_SERVER, mode):
            continue
        if override.disabled.value and _matches_all(override.match):
            draft.off = True
            continue
        draft.off = False
        for metric in _metrics_of(override.match):
            draft.overrides[metric] = _over(draft.overrides.get(metric, MetricOverride()), override)


def _over(before: MetricOverride, override: MetricsOverrides) -> MetricOverride:
    dropped = override.disabled.value if override.HasField("disabled") else before.dropped
    return MetricOverride(dropped, {**before.tags, **override.tag_overrides})


def _matches_all(match: MetricSelector) -> bool:
    return match.WhichOneof("metric_match") != "custom_metric" and match.metric == ALL


def _metrics_of(match: MetricSelector) -> tuple[str, ...]:
    if match.WhichOneof("metric_match") == "custom_metric":
        return (match.custom_metric,)
    return EVERY_METRIC if match.metric == ALL else (MetricSelector.IstioMetric.Name(match.metric),)
