"""Runs the case files beside this one: tests/translate/KIND/LEAF.yaml tests miniistiod.translate.KIND.LEAF.

A case is {name, istio, envoy}: `istio` is the first argument of the leaf, `envoy` what it returns, both as
protobuf JSON. `arguments` holds further arguments by name; `function` names another function of the module
than the one called like it. A parameter's annotation says how its value is read.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

HERE = Path(__file__).parent


def cases() -> Iterator[Any]:
    """Each case of each file, as pytest parameters."""
    for path in sorted(HERE.rglob("*.yaml")):
        module = ".".join(path.relative_to(HERE).with_suffix("").parts)
        for case in yaml.safe_load(path.read_text()):
            yield pytest.param(module, case, id=f"{module}-{case['name']}")


@pytest.mark.parametrize(("module", "case"), list(cases()))
def test_leaf(module: str, case: Mapping[str, Any]) -> None:
    leaf: Callable[..., Any] = _leaf(module, case)
    types_ = typing.get_type_hints(leaf)
    parameters = [name for name in types_ if name != "return"]
    arguments = {parameters[0]: case["istio"], **case.get("arguments", {})}
    result = leaf(**{name: _read(types_[name], value) for name, value in arguments.items()})
    assert _plain(result) == _expected(case["envoy"], result)


def _leaf(module: str, case: Mapping[str, Any]) -> Callable[..., Any]:
    loaded = importlib.import_module(f"miniistiod.translate.{module}")
    leaf: Callable[..., Any] = getattr(loaded, case.get("function", module.rsplit(".", 1)[-1]))
    return leaf


def _read(type_: Any, value: Any) -> Any:
    """The value of a YAML file as the type a parameter asks for."""
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _read(next(a for a in arguments if a is not type(None)), value)
    if isinstance(value, list):
        items = [_read(arguments[0], item) for item in value] if arguments else value
        return frozenset(items) if origin is frozenset else tuple(items)
    if isinstance(value, dict) and origin is not None and arguments:
        return {_read(arguments[0], key): _read(arguments[1], item) for key, item in value.items()}
    if not isinstance(type_, type) or value is None:
        return value
    if issubclass(type_, Message):
        return ParseDict(value, type_())
    if issubclass(type_, Enum):
        return type_[value] if value in type_.__members__ else type_(value)
    if isinstance(value, dict) and (dataclasses.is_dataclass(type_) or hasattr(type_, "_fields")):
        hints = typing.get_type_hints(type_)
        return type_(**{name: _read(hints[name], item) for name, item in value.items()})
    return value


def _plain(result: Any) -> Any:
    """A result as plain data; every Any is opened."""
    if isinstance(result, Message):
        return MessageToDict(result)
    if dataclasses.is_dataclass(result):
        return {f.name: _plain(getattr(result, f.name)) for f in dataclasses.fields(result)}
    if hasattr(result, "_asdict"):
        return {name: _plain(value) for name, value in result._asdict().items()}
    if isinstance(result, Mapping):
        return {key: _plain(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)) or (
        hasattr(result, "__iter__") and not isinstance(result, (str, bytes))
    ):
        return [_plain(item) for item in result]
    return result.value if isinstance(result, Enum) else result


def _expected(envoy: Any, result: Any) -> Any:
    """The expectation, in the spelling of the result's type where that type is known."""
    if isinstance(result, Message) and isinstance(envoy, dict):
        return MessageToDict(ParseDict(envoy, type(result)()))
    if isinstance(result, (list, tuple)) and isinstance(envoy, list) and len(envoy) == len(result):
        return [_expected(item, made) for item, made in zip(envoy, result, strict=True)]
    if isinstance(result, Mapping) and isinstance(envoy, dict):
        return {key: _expected(item, result.get(key)) for key, item in envoy.items()}
    if dataclasses.is_dataclass(result) and isinstance(envoy, dict):
        return {key: _expected(item, getattr(result, key, None)) for key, item in envoy.items()}
    if hasattr(result, "_asdict") and isinstance(envoy, dict):
        return {key: _expected(item, getattr(result, key, None)) for key, item in envoy.items()}
    return envoy
