"""What the machine lacks is told with the line to type."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from miniistiod.cli import main
from miniistiod.lab import machine


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has only what is put into this folder."""
    monkeypatch.setattr(machine, "search_path", lambda: str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, text: str = "exit 0") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_missing_programs_are_named_by_package_once(bare: Path) -> None:
    program(bare, "mount")
    program(bare, "hostname")
    assert machine.missing_packages() == ["curl", "iproute2", "iptables", "util-linux"]
    assert machine.install_line(["iptables"]).endswith("apt-get install -y --no-install-recommends iptables")


def test_only_root_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    assert machine.installed(["iptables"]) is False


def test_lab_up_prints_the_line_to_type_where_it_may_not_install(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "installed", lambda packages: False)
    result = CliRunner().invoke(main, ["lab", "up"], env={"MINIISTIOD_LAB_STATE": str(bare / "lab")})
    assert result.exit_code == 1
    assert (
        "apt-get install -y --no-install-recommends curl hostname iproute2 iptables mount util-linux"
        in result.stderr
    )


@pytest.mark.parametrize(("version", "level"), [("1.40.0", "ok"), ("1.36.2", "ok"), ("1.35.9", "warning")])
def test_envoy_is_told_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, level: str
) -> None:
    program(tmp_path, "envoy", f'echo "$0  version: 0123abc/{version}/Clean/RELEASE/BoringSSL"')
    monkeypatch.setattr(machine, "envoy_command", lambda path: [str(tmp_path / "envoy")])
    found = machine.envoy()
    assert (found.level, version in found.how) == (level, True)


def test_a_forbidding_kernel_setting_is_named_with_the_line_that_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "Path", lambda *parts: tmp_path.joinpath(*(p.lstrip("/") for p in parts)))
    setting = tmp_path / "proc/sys/kernel/apparmor_restrict_unprivileged_userns"
    setting.parent.mkdir(parents=True)
    setting.write_text("1\n")
    assert machine.forbidding_switch() == "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    setting.write_text("0\n")
    assert machine.forbidding_switch() == ""
