"""WasmConfig.pluginConfig → the JSON text that the module reads, with the spelling of Go's protojson."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct


def plugin_json(config: Struct) -> str:
    """Names in order, no spaces."""
    return _text(json_format.MessageToDict(config))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """The shortest digits; an exponent only for what is very large or small."""
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)).normalize(), "f")
    digits, _, exponent = repr(value).partition("e")
    sign, power = exponent[:1], exponent[1:].lstrip("0")
    return f"{digits}e{sign if sign == '-' else '+'}{power}"
