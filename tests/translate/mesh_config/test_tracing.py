"""A field that Envoy has and our messages may not have yet is sent all the same."""

from __future__ import annotations

from miniistiod.translate.mesh_config.tracing import spans, without_propagation


def test_no_context_propagation_is_field_thirteen() -> None:
    plain = spans(10, (), 0)
    sent = without_propagation(plain).SerializeToString()
    assert sent == plain.SerializeToString() + bytes([13 << 3, 1])
