"""Files change under the server as editors, kubelets and careless scripts change them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from miniistiod.api.kubernetes.core_pb2 import Namespace
from miniistiod.config import Store
from miniistiod.server import files
from miniistiod.server.files import ConfigFiles

Next = Callable[[Callable[[Store], bool]], Awaitable[Store]]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks without an event before a test is given up."""
    monkeypatch.setattr(files, "LOOK_AGAIN", 600)


def namespace(*names: str) -> str:
    return "".join(f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n" for name in names)


def names(store: Store) -> set[str]:
    return {one.name for one in store.of(Namespace)}


def watched(path: Path, story: Callable[[Next], Awaitable[None]]) -> None:
    """Run the story with a function that waits for the next store of which something holds."""

    async def whole() -> None:
        async with aclosing(ConfigFiles([path]).stores()) as stores:

            async def until(holds: Callable[[Store], bool]) -> Store:
                async with asyncio.timeout(60):
                    while not holds(store := await anext(stores)):
                        pass
                return store

            await story(until)

    asyncio.run(whole())


def test_everything_is_loaded_before_the_first_store(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.yaml").write_text(namespace("a"))
    (tmp_path / "deep" / "b.yml").write_text(namespace("b"))
    (tmp_path / "deep" / "er" / "c.json").write_text(
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"c"}}'
    )
    (tmp_path / "readme.txt").write_text("no configuration")
    (tmp_path / ".hidden.yaml").write_text(namespace("hidden"))
    assert names(ConfigFiles([tmp_path]).load()) == {"a", "b", "c"}


def test_a_missing_path_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        ConfigFiles([tmp_path / "nowhere"]).load()


def test_an_edit_in_place_a_new_file_and_a_deletion(tmp_path: Path) -> None:
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text(namespace("a"))

    async def story(until: Next) -> None:
        first = await until(lambda store: names(store) == {"a"})
        a.write_text(namespace("a", "a2"))
        second = await until(lambda store: names(store) == {"a", "a2"})
        assert second.of(Namespace)[0] is first.of(Namespace)[0]
        b.write_text(namespace("b"))
        await until(lambda store: names(store) == {"a", "a2", "b"})
        a.unlink()
        await until(lambda store: names(store) == {"b"})

    watched(tmp_path, story)


def test_new_folders_and_links_are_heard_of(tmp_path: Path) -> None:
    aside, config = tmp_path / "aside", tmp_path / "config"
    (aside / "linked").mkdir(parents=True)
    (aside / "linked" / "b.yaml").write_text(namespace("b"))
    (aside / "c.yaml").write_text(namespace("c"))
    config.mkdir()

    async def story(until: Next) -> None:
        await until(lambda store: not names(store))
        (config / "deep" / "er").mkdir(parents=True)
        (config / "deep" / "er" / "a.yaml").write_text(namespace("a"))
        await until(lambda store: names(store) == {"a"})
        (config / "linked").symlink_to(aside / "linked")
        await until(lambda store: names(store) == {"a", "b"})
        (aside / "linked" / "b.yaml").write_text(namespace("b2"))
        await until(lambda store: names(store) == {"a", "b2"})
        (config / "c.yaml").hardlink_to(aside / "c.yaml")
        await until(lambda store: names(store) == {"a", "b2", "c"})
        os.rename(config / "deep", aside / "deep")
        await until(lambda store: names(store) == {"b2", "c"})

    watched(config, story)


def test_a_change_that_nobody_tells_of_is_found_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system: the file is a link into a folder that nobody watches."""
    monkeypatch.setattr(files, "LOOK_AGAIN", 0.05)
    (tmp_path / "config").mkdir()
    (tmp_path / "far.yaml").write_text(namespace("a"))
    (tmp_path / "config" / "a.yaml").symlink_to(tmp_path / "far.yaml")

    async def story(until: Next) -> None:
        await until(lambda store: names(store) == {"a"})
        (tmp_path / "far.yaml").write_text(namespace("b"))
        await until(lambda store: names(store) == {"b"})

    watched(tmp_path / "config", story)


def test_an_editor_that_renames_never_loses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(namespace("a"))
    seen: list[set[str]] = []

    async def story(until: Next) -> None:
        await until(lambda store: bool(names(store)))
        os.rename(path, tmp_path / "a.yaml~")
        path.write_text(namespace("a", "more"))

        def more(store: Store) -> bool:
            seen.append(names(store))
            return "more" in names(store)

        await until(more)

    watched(tmp_path, story)
    assert all("a" in one for one in seen)


def test_a_single_file_may_be_replaced_by_rename(tmp_path: Path) -> None:
    path, other = tmp_path / "a.yaml", tmp_path / "a.yaml.new"
    path.write_text(namespace("a"))

    async def story(until: Next) -> None:
        await until(lambda store: names(store) == {"a"})
        other.write_text(namespace("b"))
        os.replace(other, path)
        await until(lambda store: names(store) == {"b"})

    watched(path, story)


def test_a_volume_swaps_its_symlink(tmp_path: Path) -> None:
    """As a kubelet does: the files are links into `..data`, which is a link to a folder with a date."""
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_text(namespace(f"v{version}"))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    async def story(until: Next) -> None:
        await until(lambda store: names(store) == {"v1"})
        (tmp_path / "..data_tmp").symlink_to("..2")
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
        await until(lambda store: names(store) == {"v2"})

    watched(tmp_path, story)


def test_the_folder_itself_may_be_swapped(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.yaml").write_text(namespace(f"v{version}"))
    (tmp_path / "live").symlink_to("1")

    async def story(until: Next) -> None:
        await until(lambda store: names(store) == {"v1"})
        (tmp_path / "next").symlink_to("2")
        os.replace(tmp_path / "next", tmp_path / "live")
        await until(lambda store: names(store) == {"v2"})
        (tmp_path / "2" / "b.yaml").write_text(namespace("later"))
        await until(lambda store: names(store) == {"v2", "later"})

    watched(tmp_path / "live", story)


def test_a_half_written_file_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(namespace("a", "b"))

    async def story(until: Next) -> None:
        await until(lambda store: names(store) == {"a", "b"})
        path.write_text(namespace("a") + "---\napiVersion: v1\nkind: Namespace\nmetadata: {na")
        broken = await until(lambda store: any(d.code == "syntax" for d in store.diagnostics))
        assert names(broken) == {"a", "b"}
        path.write_text(namespace("a", "c"))
        await until(lambda store: names(store) == {"a", "c"})

    watched(tmp_path, story)
