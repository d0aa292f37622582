"""`miniistiod apply`, `delete`, `get`: the lab's config directory with kubectl's habits."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from miniistiod import config
from miniistiod.analysis import analysis
from miniistiod.api import kinds
from miniistiod.cli.admission import admitted, given
from miniistiod.cli.gateway_status import with_status
from miniistiod.cli.lab_state import existing, state_option
from miniistiod.cli.object_table import tables
from miniistiod.cli.output import printed
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.store import Change, Document, documents_of, identified, kind_of
from miniistiod.mesh.snapshot import snapshot

namespace_option = click.option(
    "-n", "--namespace", default="default", show_default=True, help="The namespace."
)
file_option = click.option(
    "-f", "--filename", "files", multiple=True, help="File or folder; - is standard input."
)


@click.command()
@click.argument("words", nargs=-1, metavar="")
@file_option
@namespace_option
@state_option
def apply(words: tuple[str, ...], files: tuple[str, ...], namespace: str, state: Path | None) -> None:
    """Write objects to the lab: miniistiod apply -f reviews.yaml

    Nothing is written when one of them is wrong.
    """
    if words or not files:
        raise click.UsageError(
            "give files and folders by -f: miniistiod apply -f " + (" -f ".join(words) or "FILE")
        )
    texts = given(files)
    store = admitted(texts)
    documents = [document for text in texts.values() for document in documents_of(text)]
    lab = existing(state)
    changes = lab.apply(documents, namespace)
    for change in changes:
        click.echo(f"{resource(change.kind)}/{change.name} {change.outcome}")
    for finding in odd(lab, changes):
        click.echo(placed(finding, store).text(), err=True)


@click.command()
@click.argument("words", nargs=-1, metavar="[KIND NAME...]")
@file_option
@namespace_option
@state_option
def delete(words: tuple[str, ...], files: tuple[str, ...], namespace: str, state: Path | None) -> None:
    """Remove objects: miniistiod delete -f reviews.yaml, or miniistiod delete virtualservice reviews"""
    if bool(words) == bool(files):
        raise click.UsageError("say which objects: -f FILE, or KIND NAME")
    lab = existing(state)
    chosen = ((one_kind(lab, kinds, name, namespace), name, namespace) for kinds, name in named(words))
    changes = lab.delete([*pointed(files, namespace), *chosen])
    for change in changes:
        click.echo(
            f"{resource(change.kind)} {change.name!r} {change.outcome}", err=change.outcome == "not found"
        )
    if any(change.outcome == "not found" for change in changes):
        raise SystemExit(1)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KIND [NAME...]")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "yaml", "json", "name"]),
    default="table",
    help="How to print it.",
)
@namespace_option
@state_option
def get(
    words: tuple[str, ...], all_namespaces: bool, output: str, namespace: str, state: Path | None
) -> None:
    """Show objects: miniistiod get vs reviews -o yaml, miniistiod get all"""
    lab, wanted, names = existing(state), *asked(words)
    words_of = {kind.id: kind for kind in wanted}
    found = [
        d
        for d in [*lab.store.documents(), *running_pods(lab)]
        if kind_of(d) in words_of
        and (
            all_namespaces
            or not words_of[kind_of(d)].namespaced
            or d["metadata"].get("namespace") == namespace
        )
        and (not names or d["metadata"]["name"] in names)
    ]
    if missing := names - {d["metadata"]["name"] for d in found}:
        raise click.ClickException(
            f"{wanted[0].plural} {', '.join(sorted(missing))!r} not found in namespace {namespace!r}"
        )
    told(with_status(found, lab), output, all_namespaces, bool(names))


def running_pods(lab: OutsideLab) -> Iterator[Document]:
    """The workloads of the lab as Pods, while it runs."""
    for pod in lab.ask("status")["pods"] if lab.state.alive() else ():
        containers = pod["processes"]
        ready = sum(process["state"] == "running" for process in containers.values())
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod["name"],
                "namespace": pod["namespace"],
                "labels": pod["labels"],
                "creationTimestamp": pod["since"],
            },
            "spec": {"containers": [{"name": name} for name in containers]},
            "status": {
                "phase": "Running" if pod["ready"] else "Pending",
                "podIP": pod["address"],
                "ready": f"{ready}/{len(containers)}",
                "restarts": pod["restarts"],
            },
        }


def odd(lab: OutsideLab, changes: list[Change]) -> Iterator[config.Diagnostic]:
    """What is odd about the changed objects, seen beside everything else in the lab."""
    store = config.loaded({str(file): file.read_text() for file in lab.store.files()})
    changed = {(change.kind, change.namespace, change.name) for change in changes}
    yield from (finding for finding in analysis(store, snapshot(store)) if finding.key in changed)


def placed(finding: config.Diagnostic, given: config.Store) -> config.Diagnostic:
    """The finding at its place in the file that the user gave, not in the lab's copy."""
    kind, namespace, name = finding.key or ("", "", "")
    for one in given.of_kind(kind):
        if one.name == name and one.namespace in (namespace, "default"):
            place = given.place(one, finding.path)
            return dataclasses.replace(finding, file=place.file, line=place.line, column=place.column)
    return finding


def pointed(files: tuple[str, ...], namespace: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and namespace of the objects in these files."""
    for file, text in given(files).items():
        try:
            documents = documents_of(text)
        except yaml.YAMLError as fault:
            raise click.ClickException(f"{file} is not YAML: {fault}") from None
        for document in filter(identified, documents):
            metadata = document["metadata"]
            yield kind_of(document), metadata["name"], metadata.get("namespace", namespace)


def kinds_of(word: str) -> list[kinds.Kind]:
    """The kinds a word means: virtualservices, vs, gateways.networking.istio.io; several by commas."""
    if word == "all":
        return list(kinds.KINDS)
    found = [kind for part in word.split(",") for kind in kinds.named(part)]
    if not found:
        close = difflib.get_close_matches(word.lower(), [kind.plural for kind in kinds.KINDS], 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise click.ClickException(f"the lab knows no kind {word!r}{meant}")
    return found


def asked(words: tuple[str, ...]) -> tuple[list[kinds.Kind], set[str]]:
    """KIND, KIND NAME NAME..., or KIND/NAME: the kinds and the names, of which there may be none."""
    kind, slash, name = words[0].partition("/")
    return kinds_of(kind), {name} if slash else set(words[1:])


def named(words: tuple[str, ...]) -> Iterator[tuple[list[kinds.Kind], str]]:
    """KIND NAME NAME..., or KIND/NAME KIND/NAME...; a word may mean several kinds."""
    if any("/" in word for word in words):
        for word in words:
            kind, _, name = word.partition("/")
            yield kinds_of(kind), name
        return
    if len(words) == 1:
        raise click.UsageError(f"which {words[0]}? Say its name")
    yield from ((kinds_of(words[0]), name) for name in words[1:])


def one_kind(lab: OutsideLab, meant: list[kinds.Kind], name: str, namespace: str) -> str:
    """The one of these kinds that has an object of this name."""
    there = [kind for kind in meant if lab.store.stored(kind.id, name, namespace) is not None]
    if len(there) > 1:
        words = " or ".join(f"{kind.plural}.{kind.group}" for kind in there)
        raise click.UsageError(f"there are several objects {name!r}: write {words}")
    return (there or meant)[0].id


def resource(kind: str) -> str:
    """kubectl's word for a kind: virtualservice.networking.istio.io"""
    known = next((k for k in kinds.KINDS if k.id == kind), None)
    if known is None:
        return kind.lower()
    return f"{known.name.lower()}.{known.group}" if known.group else known.name.lower()


def told(found: list[Document], output: str, with_namespace: bool, single: bool) -> None:
    """Print objects as asked."""
    if output in ("table", "wide"):
        if not found:
            click.echo("No resources found.", err=True)
            return
        click.echo(tables(found, resource, with_namespace))
    elif output == "name":
        for document in found:
            click.echo(f"{resource(kind_of(document))}/{document['metadata']['name']}")
    else:
        whole: Any = (
            found[0] if single and len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
        )
        printed(whole, output)
