"""MeshConfig and the control plane's environment → the MeshConfig with values in place of `envName`.

Headers to collectors may name a variable, so that a secret need not stand in a file. One that is not set is
empty, as in istiod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig

Header = MeshConfig.ExtensionProvider.HttpHeader


def with_environment(config: MeshConfig, environment: Mapping[str, str]) -> MeshConfig:
    """A copy in which no header names a variable any more."""
    made = MeshConfig()
    made.CopyFrom(config)
    for provider in made.extension_providers:
        for header in _headers(provider):
            if header.HasField("env_name"):
                header.value = environment.get(header.env_name, "")
    return made


def _headers(message: Message) -> Iterator[Any]:
    """All headers in a provider, wherever they stand."""
    if isinstance(message, Header):
        yield message
        return
    for field, value in message.ListFields():
        below = field.message_type
        if below is None or below.GetOptions().map_entry or below.full_name.startswith("google."):
            continue
        for each in value if field.is_repeated else (value,):
            yield from _headers(each)
