"""Telemetry: providers, sampling, tags of traces and of metrics.

Source: ValidateTelemetry in istio's pkg/config/validation. Of a filter's CEL expression only has() is looked
at, which people write in a way that CEL refuses; the rest is left to Envoy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from miniistiod.api.istio.telemetry.telemetry_pb2 import (
    Metrics,
    MetricsOverrides,
    ProviderRef,
    Telemetry,
    Tracing,
)
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import policy_targets

REMOVE = MetricsOverrides.TagOverride.REMOVE
TAG_TEXTS = {"literal": "value", "header": "name", "environment": "name"}
"""Kind of a tag → the field of it that must not be empty."""

CEL_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
CEL_HAS = re.compile(r"\bhas\(([^()]*)\)")
CEL_FIELD = re.compile(r"\.\s*[A-Za-z_]\w*\s*$")


def rules(one: Object[Telemetry]) -> Findings:
    """Everything the webhook says about a Telemetry."""
    yield from policy_targets(one.message)
    for index, metrics in enumerate(one.message.metrics):
        yield from _metrics(metrics, ("metrics", index))
    if len(one.message.tracing) > 1:
        yield from warning(("tracing", 1), "only the first element of tracing counts", "keep one")
    for index, tracing in enumerate(one.message.tracing):
        yield from _tracing(tracing, ("tracing", index))
    for index, logging in enumerate(one.message.access_logging):
        yield from _providers(logging.providers, ("accessLogging", index))
        if logging.HasField("filter"):
            yield from _expression(logging.filter.expression, ("accessLogging", index, "filter"))


def _expression(expression: str, steps: Steps) -> Findings:
    """has() asks whether a field is there; for an entry of a map CEL has the operator `in`."""
    if not expression.strip():
        yield from error(steps, "the filter says nothing", "write a CEL expression")
    for asked in CEL_HAS.findall(CEL_TEXT.sub("''", expression)):
        if not CEL_FIELD.search(asked):
            remedy = "write has(a.b), or 'key' in a for an entry of a map"
            yield from error((*steps, "expression"), "has() does not name a field", remedy)


def _providers(providers: Sequence[ProviderRef], steps: Steps) -> Findings:
    for index, provider in enumerate(providers):
        if not provider.name:
            yield from error((*steps, "providers", index), "the provider has no name", "add name")


def _tracing(tracing: Tracing, steps: Steps) -> Findings:
    if len(tracing.providers) > 1:
        yield from warning((*steps, "providers", 1), "only the first provider of traces counts", "keep one")
    yield from _providers(tracing.providers, steps)
    yield from at(
        (*steps, "randomSamplingPercentage"), values.share(tracing.random_sampling_percentage.value)
    )
    for name, tag in sorted(tracing.custom_tags.items()):
        here = (*steps, "customTags", name)
        if not name:
            yield from error(here, "the tag has no name", "write a name")
        kind = tag.WhichOneof("type") or ""
        if kind in TAG_TEXTS and not getattr(getattr(tag, kind), TAG_TEXTS[kind]):
            yield from error((*here, kind), f"{TAG_TEXTS[kind]} is empty", f"fill {TAG_TEXTS[kind]}")


def _metrics(metrics: Metrics, steps: Steps) -> Findings:
    yield from _providers(metrics.providers, steps)
    for index, override in enumerate(metrics.overrides):
        here = (*steps, "overrides", index)
        for name, tag in sorted(override.tag_overrides.items()):
            where = (*here, "tagOverrides", name)
            if not name:
                yield from warning(where, "the tag has no name", "write a name")
            if tag.operation == REMOVE and tag.value:
                yield from error(
                    (*where, "value"), "a value for a tag that is removed", "remove value or operation"
                )
            elif tag.operation != REMOVE and not tag.value:
                yield from error(where, "the tag has no value", "add value, or operation: REMOVE")
        if override.match.WhichOneof("metric_match") == "custom_metric" and not override.match.custom_metric:
            yield from error((*here, "match", "customMetric"), "the name of the metric is empty", "fill it")
