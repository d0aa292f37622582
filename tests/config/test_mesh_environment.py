"""Headers to collectors may name variables of the control plane's environment."""

from __future__ import annotations

from google.protobuf.json_format import ParseDict

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.config.mesh_environment import with_environment


def mesh(headers: list[dict[str, str]]) -> MeshConfig:
    """A mesh whose two tracing providers send these headers."""
    otel = {"grpc": {"initialMetadata": headers}}
    return ParseDict(
        {
            "extensionProviders": [
                {"name": "z", "zipkin": {"headers": headers}},
                {"name": "o", "opentelemetry": otel},
            ]
        },
        MeshConfig(),
    )


def test_a_variable_is_replaced_by_its_value_wherever_a_header_stands() -> None:
    given = [
        {"name": "a", "envName": "TOKEN"},
        {"name": "b", "value": "plain"},
        {"name": "c", "envName": "GONE"},
    ]
    expected = [{"name": "a", "value": "secret"}, {"name": "b", "value": "plain"}, {"name": "c", "value": ""}]
    assert with_environment(mesh(given), {"TOKEN": "secret"}) == mesh(expected)


def test_what_was_given_stays_as_it_is() -> None:
    given = mesh([{"name": "a", "envName": "TOKEN"}])
    with_environment(given, {"TOKEN": "secret"})
    assert given == mesh([{"name": "a", "envName": "TOKEN"}])
