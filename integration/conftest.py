"""Tests on real Envoys: the fixtures of miniistiod.testing."""

from miniistiod.testing.plugin import lab, labs, pytest_configure

__all__ = ["lab", "labs", "pytest_configure"]
