"""What a name after `lab up` or -f means: one's own files first, then the configurations that come along."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniistiod.lab import configs


def test_ones_own_folder_comes_before_one_of_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert configs.place("bookinfo") == configs.CONFIGS / "bookinfo"
    (tmp_path / "bookinfo").mkdir()
    assert configs.place("bookinfo") == Path("bookinfo")


def test_a_folder_gives_its_yaml_and_json_but_not_the_folders_in_it(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "c.json", "notes.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "more.yaml").mkdir()
    assert [text for _, text in configs.texts([tmp_path])] == ["a.yaml", "b.yml", "c.json"]


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere", "there are: bookinfo"), ("exercises", "exercises/01-subsets")]
)
def test_what_gives_nothing_says_what_there_is(name: str, told: str) -> None:
    with pytest.raises(configs.NoConfiguration, match=told):
        list(configs.texts([name]))
