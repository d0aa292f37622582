"""An object → a finding for each field that is used and does nothing: see config/support.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from miniistiod.config.diagnostics import Level
from miniistiod.config.support import IGNORED, NOT_SUPPORTED, field_name, inner, listed
from miniistiod.config.validation.finding import Finding, Steps


def unused(message: Message, steps: Steps = ()) -> Iterator[Finding]:
    """A finding for each field that is set and does nothing; what is inside it is not said again."""
    for field, value in message.ListFields():
        name, here = field_name(field), (*steps, str(field.json_name))
        if fate := listed(name, IGNORED):
            what = f"{field.json_name} has no effect, in Istio neither: {fate.reason}"
            yield Finding(here, what, fate.instead, "ignored-field", Level.INFO)
        elif fate := listed(name, NOT_SUPPORTED):
            what = f"mini-istiod does nothing with {field.json_name}: {fate.reason}"
            yield Finding(here, what, fate.instead, "unsupported-field", Level.WARNING)
        elif _leads_on(field):
            yield from _inside(field, value, here)


def _leads_on(field: FieldDescriptor) -> bool:
    below = inner(field)
    return below is not None and not below.full_name.startswith("google.")


def _inside(field: FieldDescriptor, value: object, here: Steps) -> Iterator[Finding]:
    if isinstance(value, Message):
        yield from unused(value, here)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from unused(each, (*here, str(key)))
    elif isinstance(value, Iterable):
        for index, each in enumerate(value):
            yield from unused(each, (*here, index))
