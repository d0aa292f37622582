"""What a kubectl or istioctl user types next, and what there is instead."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from miniistiod.cli import COMMANDS, main
from miniistiod.cli.elsewhere import INSTEAD, SAME


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["x", "describe", "pod", "reviews-v1"], "miniistiod routes HOST PATH --from WORKLOAD"),
        (["logs", "reviews-v1"], "miniistiod lab logs WORKLOAD"),
        (["exec", "client", "--", "ls"], "miniistiod lab exec WORKLOAD -- COMMAND"),
        (["create", "-f", "x.yaml"], "miniistiod apply -f FILE"),
        (["proxy-stat"], "Did you mean proxy-status?"),
        (["lab", "stat"], "Did you mean status?"),
        (["lab", "frobnicate"], "There are: "),
    ],
)
def test_an_unknown_command_is_answered_with_what_to_type(typed: list[str], told: str) -> None:
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 2
    assert told in result.stderr


def test_no_hint_hides_a_command_and_every_other_word_for_one_leads_somewhere() -> None:
    assert not {*INSTEAD, *SAME} & {*COMMANDS}
    assert {*SAME.values()} <= {*INSTEAD}


@pytest.mark.parametrize("group", [[], ["lab"], ["authz"], ["token"]])
def test_the_line_of_help_of_each_command_fits_the_list(group: list[str]) -> None:
    listed = CliRunner().invoke(main, [*group, "--help"], terminal_width=80).stdout.partition("Commands:")[2]
    assert listed.strip()
    assert [line for line in listed.splitlines() if line.endswith("...")] == []
