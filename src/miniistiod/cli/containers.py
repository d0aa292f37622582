"""`miniistiod lab compose`, `check`, and what the containers of a compose lab run: `pod`, `tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from miniistiod import config
from miniistiod.analysis import analysis
from miniistiod.mesh.snapshot import snapshot

SUFFIXES = (".yaml", ".yml", ".json")
ROOT = Path("/")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--istio-proxy", is_flag=True, help="Print the second file, for istio's own proxy image.")
def compose(folder: Path, istio_proxy: bool) -> None:
    """Print the docker-compose.yaml of a lab.

    The lab's description is FOLDER/config.
    """
    from miniistiod.lab.agent import istio_proxy_variant
    from miniistiod.lab.compose import compose as made
    from miniistiod.lab.store import Store

    documents = Store(folder / "config").documents()
    click.echo((istio_proxy_variant if istio_proxy else made)(documents, str(folder)), nl=False)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Say what is wrong or odd in a configuration.

    It is /config by default. Fails when there is anything to say.
    """
    files = [file for path in paths or (Path("/config"),) for file in documents(path)]
    store = config.loaded({str(file): file.read_text() for file in files})
    found = (*store.diagnostics, *analysis(store, snapshot(store)))
    texts = [*(diagnostic.text() for diagnostic in found), *unknown_revisions(files)]
    for text in texts:
        click.echo(text)
    if texts:
        raise click.ClickException(f"{len(texts)} to mend in {len(files)} files")
    click.echo(f"nothing to mend in {len(files)} files")


def unknown_revisions(files: list[Path]) -> Iterator[str]:
    """Workloads whose proxy would ask a control plane that the lab has not; of readable files only."""
    from miniistiod.lab.compose import further_revisions
    from miniistiod.lab.description import lab_of
    from miniistiod.lab.store import readable

    known = [document for file in files for document in readable(file)]
    revisions = {"", "default", *further_revisions(known)}
    for workload in lab_of(known).workloads:
        if workload.proxy != "none" and workload.revision not in revisions:
            yield f"{workload.key}: no control plane has the revision {workload.revision}"


def documents(path: Path) -> list[Path]:
    """The files of a folder, or the file itself."""
    return sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES) if path.is_dir() else [path]


@click.command(hidden=True)
@click.argument("key", metavar="NAME.NAMESPACE")
@click.option("--reported", is_flag=True, help="Tell the control plane of this Pod.")
def pod(key: str, reported: bool) -> None:
    """Prepare the network of a workload, then hold it. The entrypoint of the image mini-istiod-init."""
    from miniistiod.lab import container

    lab = container.described(ROOT / "config")
    workload = next((w for w in lab.workloads if w.key == key), None)
    if workload is None:
        raise click.ClickException(f"/config describes no workload {key}")
    container.prepare(workload, lab, ROOT, reported)
    container.sleep_without_rights()


@click.command(hidden=True)
def tokens() -> None:
    """Give each pod its token, for ever. The container `tokens` of a compose lab."""
    from miniistiod.lab import container

    container.keep_tokens(ROOT)
