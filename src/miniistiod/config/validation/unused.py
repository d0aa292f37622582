"""An object → a finding for each field that is used and does nothing: see config/support.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from miniistiod.config.diagnostics import Level
from miniistiod.config.support import IGNORED, NOT_SUPPORTED, Fate, field_name, inner, listed
from miniistiod.config.validation.finding import Finding, Steps

Fates = Mapping[str, Fate]
ISTIO = (IGNORED, NOT_SUPPORTED)


def unused(message: Message, fates: tuple[Fates, Fates] = ISTIO, steps: Steps = ()) -> Iterator[Finding]:
    """A finding for each field that is set and does nothing; what is inside it is not said again. `fates` are
    the fields that are ignored, and those that are not supported."""
    ignored, lacking = fates
    for field, value in message.ListFields():
        name, here = field_name(field), (*steps, str(field.json_name))
        if fate := listed(name, ignored):
            what = f"{field.json_name} has no effect, in Istio neither: {fate.reason}"
            yield Finding(here, what, fate.instead, "ignored-field", Level.INFO)
        elif fate := listed(name, lacking):
            what = f"mini-istiod does nothing with {field.json_name}: {fate.reason}"
            yield Finding(here, what, fate.instead, "unsupported-field", Level.WARNING)
        elif _leads_on(field):
            yield from _inside(field, value, fates, here)


def _leads_on(field: FieldDescriptor) -> bool:
    below = inner(field)
    return below is not None and not below.full_name.startswith("google.")


def _inside(
    field: FieldDescriptor, value: object, fates: tuple[Fates, Fates], here: Steps
) -> Iterator[Finding]:
    if isinstance(value, Message):
        yield from unused(value, fates, here)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from unused(each, fates, (*here, str(key)))
    elif isinstance(value, Iterable):
        for index, each in enumerate(value):
            yield from unused(each, fates, (*here, index))
