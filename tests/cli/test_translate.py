"""`translate` and `bootstrap`: from the command line to resources, in each form of output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from miniistiod.cli import main
from miniistiod.lab.configs import CONFIGS

BOOKINFO, SUBSETS = str(CONFIGS / "bookinfo"), str(CONFIGS / "exercises" / "01-subsets")
V1 = "outbound|9080|v1|reviews.default.svc.cluster.local"


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def node(tmp_path: Path) -> str:
    """A file with the Node of a workload, as `bootstrap` prints it."""
    file = tmp_path / "node.yaml"
    file.write_text(typed("bootstrap", "--name", "client", "--address", "10.244.0.9", "-o", "yaml").stdout)
    return str(file)


def test_yaml_and_json_say_the_same(node: str) -> None:
    given = ("translate", "-f", BOOKINFO, "-f", SUBSETS, "--node", node)
    shown = typed(*given)
    assert shown.exit_code == 0
    found = yaml.safe_load(shown.stdout)
    assert found == json.loads(typed(*given, "-o", "json").stdout)
    assert list(found) == ["clusters", "endpoints", "listeners", "routes"]
    (cluster,) = [each for each in found["clusters"] if each["name"] == V1]
    assert cluster["type"] == "EDS"


def test_only_the_kinds_asked_for(node: str) -> None:
    found = yaml.safe_load(typed("translate", "routes", "-f", BOOKINFO, "--node", node).stdout)
    assert [each["name"] for each in found["routes"]] == ["80", "9080"]
    assert list(found) == ["routes"]


def test_a_mistake_is_told_and_what_is_right_is_still_printed(node: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(Path(SUBSETS, "destination-rules.yaml").read_text() + "  hots: x\n")
    shown = typed("translate", "clusters", "-f", BOOKINFO, "-f", str(tmp_path / "wrong.yaml"), "--node", node)
    assert shown.exit_code == 1
    assert "did you mean host?" in shown.stderr
    names = [each["name"] for each in yaml.safe_load(shown.stdout)["clusters"]]
    assert "outbound|9080||reviews.default.svc.cluster.local" in names
    assert V1 not in names


def test_a_file_that_is_no_node_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("id: somebody\n")
    shown = typed("translate", "-f", BOOKINFO, "--node", str(tmp_path / "node.yaml"))
    assert shown.exit_code == 1
    assert "KIND~ADDRESS~NAME.NAMESPACE~DNS-DOMAIN" in shown.stderr
