"""YAML nodes → the messages with a spelling of their own: Duration, wrappers, Struct, Timestamp, IntOrString.

Durations are Go's (`1m30s`, `500ms`, `1.5h`), as everywhere in Istio.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from google.protobuf import wrappers_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from miniistiod.api.kubernetes.core_pb2 import IntOrString
from miniistiod.config.nodes import scalar, shape
from miniistiod.config.reading import Path, Reading, Wrong, text
from miniistiod.config.scalars import INT32, INT64, UINT32, UINT64, boolean, encoded, floating

Special = Callable[[Reading, Node, Path], Message]

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
TERM = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
GO_DURATION = re.compile(rf"[-+]?(?:0|(?:{TERM.pattern})+)")


def nanoseconds(go_duration: str) -> int | None:
    """The nanoseconds of a Go duration, None when it is not one."""
    if not GO_DURATION.fullmatch(go_duration):
        return None
    total = sum(int(Decimal(number) * UNITS[unit]) for number, unit in TERM.findall(go_duration))
    if abs(total) >= 2**63:
        return None
    return -total if go_duration.startswith("-") else total


def duration(reading: Reading, node: Node, path: Path) -> Duration:
    """`1m30s`; a bare number is refused, for its unit would be a guess."""
    value = scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
        raise Wrong(
            "wrong-duration", f"{shape(node)} where a duration is expected", f"write the unit: {node.value}s"
        )
    total = nanoseconds(str(value)) if isinstance(value, str) else None
    if total is None:
        remedy = "write numbers with units, such as 500ms, 10s, 1m30s or 1.5h"
        raise Wrong("wrong-duration", f"{shape(node)} where a duration is expected", remedy)
    # Duration wants both parts to have one sign, and Python's division rounds down.
    sign = -1 if total < 0 else 1
    seconds, nanos = divmod(abs(total), 1_000_000_000)
    return Duration(seconds=sign * seconds, nanos=sign * nanos)


def timestamp(reading: Reading, node: Node, path: Path) -> Timestamp:
    """RFC 3339, as Kubernetes writes it."""
    try:
        moment = datetime.fromisoformat(text(node))
    except ValueError:
        raise Wrong(
            "wrong-type", f"{shape(node)} where a time is expected", "write it as 2024-01-31T12:00:00Z"
        ) from None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def int_or_string(reading: Reading, node: Node, path: Path) -> IntOrString:
    """A port by number or by name."""
    value = scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return IntOrString(number=INT32(node))
    return IntOrString(name=text(node))


def value(reading: Reading, node: Node, path: Path) -> Value:
    """Anything that JSON can hold."""
    if isinstance(node, MappingNode):
        return Value(struct_value=struct(reading, node, path))
    if isinstance(node, SequenceNode):
        return Value(list_value=list_value(reading, node, path))
    held = scalar(node)
    if held is None:
        return Value(null_value=NULL_VALUE)
    if isinstance(held, bool):
        return Value(bool_value=held)
    if isinstance(held, str):
        return Value(string_value=held)
    return Value(number_value=held)


def struct(reading: Reading, node: Node, path: Path) -> Struct:
    """A free mapping."""
    fields = {key: value(reading, item, (path, key)) for key, (_, item) in reading.pairs(node, path).items()}
    return Struct(fields=fields)


def list_value(reading: Reading, node: Node, path: Path) -> ListValue:
    """A free list."""
    return ListValue(
        values=[value(reading, item, (path, i)) for i, item in enumerate(reading.items(node, path))]
    )


def _wrapped(wrapper: type[Message], read: Callable[[Node], object]) -> Special:
    def special(reading: Reading, node: Node, path: Path) -> Message:
        return wrapper(value=read(node))

    return special


SPECIALS: dict[str, Special] = {
    "google.protobuf.Duration": duration,
    "google.protobuf.Timestamp": timestamp,
    "google.protobuf.Struct": struct,
    "google.protobuf.Value": value,
    "google.protobuf.ListValue": list_value,
    "google.protobuf.BoolValue": _wrapped(wrappers_pb2.BoolValue, boolean),
    "google.protobuf.StringValue": _wrapped(wrappers_pb2.StringValue, text),
    "google.protobuf.BytesValue": _wrapped(wrappers_pb2.BytesValue, encoded),
    "google.protobuf.Int32Value": _wrapped(wrappers_pb2.Int32Value, INT32),
    "google.protobuf.UInt32Value": _wrapped(wrappers_pb2.UInt32Value, UINT32),
    "google.protobuf.Int64Value": _wrapped(wrappers_pb2.Int64Value, INT64),
    "google.protobuf.UInt64Value": _wrapped(wrappers_pb2.UInt64Value, UINT64),
    "google.protobuf.DoubleValue": _wrapped(wrappers_pb2.DoubleValue, floating),
    "google.protobuf.FloatValue": _wrapped(wrappers_pb2.FloatValue, floating),
    IntOrString.DESCRIPTOR.full_name: int_or_string,
}
"""Messages that are not written as a mapping of their fields."""
