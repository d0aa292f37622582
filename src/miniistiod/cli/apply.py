"""`miniistiod apply`, `delete`, `get`: the lab's config directory with kubectl's habits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml

from miniistiod import config
from miniistiod.analysis import analysis
from miniistiod.api import kinds
from miniistiod.cli.gateway_status import with_status
from miniistiod.cli.lab import existing, state_option
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.store import Change, Document, documents_of
from miniistiod.mesh.snapshot import snapshot

SUFFIXES = (".yaml", ".yml", ".json")
namespace_option = click.option(
    "-n", "--namespace", default="default", show_default=True, help="The namespace."
)
file_option = click.option(
    "-f", "--filename", "files", multiple=True, help="File or folder; - is standard input."
)


@click.command()
@click.option(
    "-f", "--filename", "files", multiple=True, required=True, help="File or folder; - is standard input."
)
@namespace_option
@state_option
def apply(files: tuple[str, ...], namespace: str, state: Path | None) -> None:
    """Write objects to the lab: miniistiod apply -f reviews.yaml

    Nothing is written when one of them is wrong.
    """
    given = {place: text for name in files for place, text in texts(name)}
    admitted(given)
    documents = [document for text in given.values() for document in documents_of(text)]
    lab = existing(state)
    changes = lab.apply(documents, namespace)
    for change in changes:
        click.echo(f"{resource(change.kind)}/{change.name} {change.outcome}")
    for finding in odd(lab, changes):
        click.echo(finding.text(), err=True)


@click.command()
@click.argument("words", nargs=-1, metavar="[KIND NAME...]")
@file_option
@namespace_option
@state_option
def delete(words: tuple[str, ...], files: tuple[str, ...], namespace: str, state: Path | None) -> None:
    """Remove objects: miniistiod delete -f reviews.yaml, or miniistiod delete virtualservice reviews"""
    if bool(words) == bool(files):
        raise click.UsageError("say which objects: -f FILE, or KIND NAME")
    whose = [*pointed(files, namespace), *((kind, name, namespace) for kind, name in named(words))]
    changes = existing(state).delete(whose)
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
    type=click.Choice(["table", "yaml", "json", "name"]),
    default="table",
    help="How to print it.",
)
@namespace_option
@state_option
def get(
    words: tuple[str, ...], all_namespaces: bool, output: str, namespace: str, state: Path | None
) -> None:
    """Show objects: miniistiod get virtualservices, miniistiod get vs reviews -o yaml"""
    lab, wanted, names = existing(state), kinds_of(words[0]), set(words[1:])
    words_of = {kind.name: kind for kind in wanted}
    found = [
        d
        for d in [*lab.store.documents(), *running_pods(lab)]
        if d["kind"] in words_of
        and (
            all_namespaces
            or not words_of[d["kind"]].namespaced
            or d["metadata"].get("namespace") == namespace
        )
        and (not names or d["metadata"]["name"] in names)
    ]
    if missing := names - {d["metadata"]["name"] for d in found}:
        raise click.ClickException(
            f"{wanted[0].plural} {', '.join(sorted(missing))!r} not found in namespace {namespace!r}"
        )
    shown = with_status(found, lab) if output in ("yaml", "json") else found
    printed(shown, output, all_namespaces, bool(names))


def running_pods(lab: OutsideLab) -> Iterator[Document]:
    """The workloads of the lab as Pods, while it runs."""
    for pod in lab.ask("status")["pods"] if lab.state.alive() else ():
        containers = pod["processes"]
        ready = sum(process["state"] == "running" for process in containers.values())
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod["name"], "namespace": pod["namespace"], "labels": pod["labels"]},
            "spec": {"containers": [{"name": name} for name in containers]},
            "status": {
                "phase": "Running" if pod["ready"] else "Pending",
                "podIP": pod["address"],
                "ready": f"{ready}/{len(containers)}",
                "restarts": pod["restarts"],
            },
        }


def texts(name: str) -> Iterator[tuple[str, str]]:
    """The texts behind one -f, each with the place it comes from."""
    try:
        if name == "-":
            yield "standard input", sys.stdin.read()
            return
        path = Path(name)
        for file in sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else [path]:
            yield str(file), file.read_text()
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror}") from None


def admitted(given: dict[str, str]) -> None:
    """Say what is wrong with these texts; stop when it is an error, as an API server would."""
    found = config.loaded(given).diagnostics
    for diagnostic in found:
        click.echo(diagnostic.text(), err=True)
    if any(diagnostic.level is config.Level.ERROR for diagnostic in found):
        raise click.ClickException("nothing was written")


def odd(lab: OutsideLab, changes: list[Change]) -> Iterator[config.Diagnostic]:
    """What is odd about the changed objects, seen beside everything else in the lab."""
    store = config.loaded({str(file): file.read_text() for file in lab.store.files()})
    changed = {(change.kind, change.namespace, change.name) for change in changes}
    yield from (finding for finding in analysis(store, snapshot(store)) if finding.key in changed)


def pointed(files: tuple[str, ...], namespace: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and namespace of the objects in these files."""
    for name in files:
        for _, text in texts(name):
            for document in documents_of(text):
                metadata = document["metadata"]
                yield document["kind"], metadata["name"], metadata.get("namespace", namespace)


def kinds_of(word: str) -> list[kinds.Kind]:
    """The kinds a word means: virtualservices, vs, VirtualService; several by commas."""
    found = [kind for part in word.split(",") for kind in kinds.named(part)]
    if not found:
        raise click.ClickException(f"the lab knows no kind {word!r}")
    return found


def named(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """KIND NAME NAME..., or KIND/NAME KIND/NAME..."""
    if any("/" in word for word in words):
        for word in words:
            kind, _, name = word.partition("/")
            yield kinds_of(kind)[0].name, name
        return
    if len(words) == 1:
        raise click.UsageError(f"which {words[0]}? Say its name")
    yield from ((kinds_of(words[0])[0].name, name) for name in words[1:])


def resource(kind: str) -> str:
    """kubectl's word for a kind: virtualservice.networking.istio.io"""
    known = next((k for k in kinds.KINDS if k.name == kind), None)
    return f"{kind.lower()}.{known.group}" if known and known.group else kind.lower()


def printed(found: list[Document], output: str, with_namespace: bool, single: bool) -> None:
    """Print objects as asked."""
    if output == "table":
        tables(found, with_namespace)
    elif output == "name":
        for document in found:
            click.echo(f"{resource(document['kind'])}/{document['metadata']['name']}")
    else:
        whole: Any = (
            found[0] if single and len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
        )
        click.echo(
            json.dumps(whole, indent=2) if output == "json" else yaml.safe_dump(whole, sort_keys=False),
            nl=output == "json",
        )


Column = Callable[[dict[str, Any]], str]


def listed(field: str) -> Column:
    """A column that shows a list."""
    return lambda spec: json.dumps(spec[field]) if field in spec else ""


def ports(spec: dict[str, Any]) -> str:
    """80:30080/TCP,443/TCP"""
    return ",".join(
        f"{p['port']}{':' + str(p['nodePort']) if 'nodePort' in p else ''}/{p.get('protocol', 'TCP')}"
        for p in spec.get("ports", ())
    )


COLUMNS: dict[str, dict[str, Column]] = {
    "VirtualService": {"GATEWAYS": listed("gateways"), "HOSTS": listed("hosts")},
    "DestinationRule": {"HOST": lambda spec: str(spec.get("host", ""))},
    "ServiceEntry": {
        "HOSTS": listed("hosts"),
        "LOCATION": lambda spec: str(spec.get("location", "")),
        "RESOLUTION": lambda spec: str(spec.get("resolution", "")),
    },
    "Service": {
        "TYPE": lambda spec: str(spec.get("type", "ClusterIP")),
        "CLUSTER-IP": lambda spec: str(spec.get("clusterIP", "<none>")),
        "PORT(S)": ports,
    },
    "Pod": {
        "READY": lambda status: str(status.get("ready", "")),
        "STATUS": lambda status: str(status.get("phase", "")),
        "RESTARTS": lambda status: str(status.get("restarts", "")),
        "IP": lambda status: str(status.get("podIP", "")),
    },
    "PeerAuthentication": {"MODE": lambda spec: str(spec.get("mtls", {}).get("mode", ""))},
    "AuthorizationPolicy": {"ACTION": lambda spec: str(spec.get("action", ""))},
}
"""kubectl's own columns of a kind, between NAME and AGE, from its spec; those of a Pod from its status."""


def tables(found: list[Document], with_namespace: bool) -> None:
    """One table for each kind, in kubectl's plain columns."""
    if not found:
        click.echo("No resources found.", err=True)
    present = list(dict.fromkeys(document["kind"] for document in found))
    for kind in present:
        prefix = f"{resource(kind)}/" if len(present) > 1 else ""
        columns = COLUMNS.get(kind, {})
        rows = [[*(["NAMESPACE"] if with_namespace else []), "NAME", *columns, "AGE"]]
        for document in (d for d in found if d["kind"] == kind):
            metadata, source = document["metadata"], document.get("status" if kind == "Pod" else "spec") or {}
            place = [metadata.get("namespace", "")] if with_namespace else []
            values = [column(source) for column in columns.values()]
            rows.append([*place, prefix + metadata["name"], *values, age(metadata)])
        click.echo(aligned(rows) + ("\n" if kind != present[-1] else ""))


def aligned(rows: list[list[str]]) -> str:
    """Rows as text, each column as wide as its widest value and three spaces from the next."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("   ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def age(metadata: dict[str, Any]) -> str:
    """5s, 12m, 3h, 2d; "" for an object that does not tell."""
    try:
        made = datetime.fromisoformat(str(metadata["creationTimestamp"]).replace("Z", "+00:00"))
    except (KeyError, ValueError):
        return ""
    seconds = int((datetime.now(UTC) - made).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
