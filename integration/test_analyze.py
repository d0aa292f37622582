"""`miniistiod analyze` beside a running lab: what it says is what requests see; istioctl's exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miniistiod.cli import main
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("bookinfo", "httpbin")

FOUND = 79
REVIEWS = "http://reviews:9080/reviews/0"
RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
"""
SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: default}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
"""


def analyze(lab: LiveLab, *words: str) -> Result:
    """The command as one who works with this lab would run it."""
    return CliRunner().invoke(main, ["analyze", *words], env={"MINIISTIOD_LAB_STATE": str(lab.state.folder)})


def codes(lab: LiveLab, *words: str) -> list[str]:
    done = analyze(lab, *words, "-o", "json")
    assert done.exit_code == 0, done.output
    return [row["code"] for row in json.loads(done.stdout)]


def test_a_lab_in_order_has_nothing_to_say(lab: LiveLab) -> None:
    done = analyze(lab)
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    assert "No validation issues found when analyzing the running control plane" in done.stderr


def test_what_is_said_is_what_requests_see_until_it_is_mended(lab: LiveLab) -> None:
    log = lab.access_log("client")
    with lab.rules(RULE):
        done = analyze(lab)
        assert done.exit_code == FOUND
        assert "Error [IST0101] VirtualService default/reviews" in done.stdout
        assert "symptom: requests to it get 503 (NC)" in done.stdout
        replies = lab.client.send(REVIEWS, count=5)
        assert {reply.status for reply in replies} == {503}
        assert {entry["flags"] for entry in log.awaited(5)} == {"NC"}
        with lab.rules(SUBSETS):
            assert analyze(lab).exit_code == 0
            assert {reply.status for reply in lab.client.send(REVIEWS, count=5)} == {200}
    assert analyze(lab).exit_code == 0


def test_files_are_judged_beside_the_lab(lab: LiveLab, tmp_path: Path) -> None:
    file = tmp_path / "reviews.yaml"
    file.write_text(RULE)
    alone, beside = analyze(lab, str(file)), analyze(lab, "--lab", str(file))
    assert (alone.exit_code, beside.exit_code) == (FOUND, FOUND)
    assert "no service reviews.default.svc.cluster.local" in alone.stdout
    assert "no DestinationRule defines subset v1" in beside.stdout
    assert f"{file}:5:" in beside.stdout
    with lab.rules(SUBSETS):
        assert codes(lab, "--lab", str(file)) == []
        assert codes(lab, str(file)) == ["IST0101"]


def test_the_least_level_that_fails_can_be_chosen(lab: LiveLab, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: quiet}\n")
    said = ("--lab", str(file))
    assert codes(lab, *said) == ["IST0102"]
    assert analyze(lab, *said).exit_code == 0
    assert analyze(lab, *said, "--failure-threshold", "Info").exit_code == FOUND
