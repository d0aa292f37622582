"""Telemetry.tracing[].customTags → Envoy's custom tags of a span."""

from __future__ import annotations

from collections.abc import Mapping

from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag

from miniistiod.api.istio.telemetry.telemetry_pb2 import Tracing


def custom_tags(tags: Mapping[str, Tracing.CustomTag], formats: bool = True) -> list[CustomTag]:
    """One tag for each entry, in no order yet; a tag without a kind stays empty, as istiod leaves it.

    An Envoy that does not know formats would refuse the whole listener for one, so it gets none.
    """
    known = ((name, tag) for name, tag in tags.items() if formats or not tag.HasField("formatter"))
    return [_tag(name, tag) for name, tag in known]


def _tag(name: str, tag: Tracing.CustomTag) -> CustomTag:
    which = tag.WhichOneof("type")
    if which == "literal":
        return CustomTag(tag=name, literal=CustomTag.Literal(value=tag.literal.value))
    if which == "environment":
        env = tag.environment
        return CustomTag(
            tag=name, environment=CustomTag.Environment(name=env.name, default_value=env.default_value)
        )
    if which == "header":
        header = tag.header
        return CustomTag(
            tag=name, request_header=CustomTag.Header(name=header.name, default_value=header.default_value)
        )
    if which == "formatter":
        return CustomTag(tag=name, value=tag.formatter.value)
    return CustomTag(tag=name)
