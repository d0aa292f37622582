"""Every field is translated (a mesh proves it), ignored as by istiod, or not supported; the user is told."""

from __future__ import annotations

from miniistiod.config import of_text
from miniistiod.config.support import IGNORED, NOT_SUPPORTED, listed
from tests.support.fields import all_fields
from tests.support.probe import proven


def test_every_field_is_in_exactly_one_set() -> None:
    fields, translated = all_fields(), proven()
    ignored = {name for name in fields if listed(name, IGNORED)}
    lacking = {name for name in fields if listed(name, NOT_SUPPORTED)}
    assert not translated & ignored
    assert not translated & lacking
    assert not ignored & lacking
    assert not fields - translated - ignored - lacking


def test_every_reason_is_for_a_field() -> None:
    fields = all_fields()
    for name in (*IGNORED, *NOT_SUPPORTED):
        assert name in fields or (name.endswith(".*") and any(f.startswith(name[:-1]) for f in fields)), name


def test_a_used_field_that_does_nothing_is_said_at_its_place() -> None:
    text = """
apiVersion: install.istio.io/v1alpha1
kind: MeshConfig
spec:
  ingressClass: istio
  verifyCertificateAtClient: true
"""
    told = [(d.code, d.line, d.path) for d in of_text(text).diagnostics]
    assert told == [
        ("unsupported-field", 5, "spec.ingressClass"),
        ("ignored-field", 6, "spec.verifyCertificateAtClient"),
    ]
