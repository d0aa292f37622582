"""The lab's config directory: one file for each object, which mini-istiod watches.

It stands for the API server of a cluster: it fills in what Kubernetes would (namespace, creation time, the
address of a Service, defaults of the Gateway API), replaces a file in one step, and keeps the order in which
a change does no harm.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from miniistiod.api import kinds
from miniistiod.lab.addresses import service_address
from miniistiod.lab.gateway_api_defaults import defaulted

Document = dict[str, Any]

CLUSTER_SCOPED = {"Namespace", "Node", "GatewayClass"}
CLUSTER_FOLDER = "_cluster"
FIRST = (
    "Namespace",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Service",
    "ServiceEntry",
    "Deployment",
    "DestinationRule",
)
"""Kinds written before the others, so that no rule names what is not there yet. Deleted in reverse."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one object: "created", "configured", "unchanged" or "deleted". `kind` is a Kind.id."""

    kind: str
    name: str
    namespace: str
    outcome: str


def documents_of(text: str) -> list[Document]:
    """The objects of a multi-document YAML or JSON text; a List counts as its items."""
    found: list[Document] = []
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if isinstance(document, dict):
            found.extend(document["items"] if document.get("kind") == "List" else [document])
    return found


def kind_of(document: Document) -> str:
    """The kind of an object, with its group where two kinds share a name; see Kind.id."""
    return kinds.id_of(str(document.get("apiVersion", "")), document["kind"])


def rank(kind: str) -> int:
    """The place of a kind in the order of writing."""
    return FIRST.index(kind) if kind in FIRST else len(FIRST)


def once(documents: Iterable[Document], namespace: str) -> list[Document]:
    """Each object once, as it was given last."""
    last = {
        (kind_of(d), d["metadata"]["name"], d["metadata"].get("namespace", namespace)): d for d in documents
    }
    return list(last.values())


class Store:
    """A directory of objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, kind: str, name: str, namespace: str) -> Path:
        """Where an object stands: default/virtualservice-reviews.yaml. `kind` is a Kind.id: two kinds of one
        name have two files."""
        folder = CLUSTER_FOLDER if kind in CLUSTER_SCOPED else namespace
        return self.folder / folder / f"{kind.lower()}-{name}.yaml"

    def documents(self) -> list[Document]:
        """All objects, those of files put here by hand as well; a file that cannot be read is passed over."""
        return [document for file in self.files() for document in readable(file)]

    def files(self) -> list[Path]:
        """The files of the directory in a fixed order."""
        return sorted(p for p in self.folder.rglob("*") if p.suffix in (".yaml", ".yml", ".json"))

    def apply(self, documents: Iterable[Document], namespace: str = "default") -> list[Change]:
        """Write objects, each in one step; an object without a namespace goes to the one given. Of an object
        given twice the last one counts."""
        prepared = []
        taken = [
            s["spec"].get("clusterIP", "")
            for s in self.documents()
            if s["kind"] == "Service" and s.get("spec")
        ]
        for document in sorted(once(documents, namespace), key=lambda d: rank(kind_of(d))):
            ready = self.completed(document, namespace, taken)
            prepared.append((ready, self.written(ready)))
        return [self.replaced(document, temporary) for document, temporary in prepared]

    def completed(self, document: Document, namespace: str, taken: list[str]) -> Document:
        """The object as an API server would keep it. `taken` gains the address that it may get."""
        metadata = dict(document["metadata"])
        if document["kind"] not in CLUSTER_SCOPED:
            metadata.setdefault("namespace", namespace)
        known = self.stored(kind_of(document), metadata["name"], metadata.get("namespace", namespace))
        old = known["metadata"] if known else {}
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["creationTimestamp"] = (
            old.get("creationTimestamp") or metadata.get("creationTimestamp") or now
        )
        ready = defaulted({**document, "metadata": metadata})
        if document["kind"] == "Service":
            ready["spec"] = addressed(
                dict(document.get("spec") or {}), metadata, (known or {}).get("spec") or {}, taken
            )
        return ready

    def stored(self, kind: str, name: str, namespace: str) -> Document | None:
        """The object as it stands now."""
        path = self.path(kind, name, namespace)
        return next(iter(readable(path)), None) if path.exists() else None

    def written(self, document: Document) -> Path | None:
        """A file beside the object's own with the new text; None when nothing changes."""
        metadata = document["metadata"]
        path = self.path(kind_of(document), metadata["name"], metadata.get("namespace", ""))
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        if path.exists() and path.read_text() == text:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text)
        return temporary

    def replaced(self, document: Document, temporary: Path | None) -> Change:
        """Put the new text in the place of the old."""
        outcome = "unchanged"
        if temporary:
            final = temporary.with_suffix(".yaml")
            outcome = "configured" if final.exists() else "created"
            os.replace(temporary, final)
        metadata = document["metadata"]
        return Change(kind_of(document), metadata["name"], metadata.get("namespace", ""), outcome)

    def delete(self, objects: Iterable[tuple[str, str, str]]) -> list[Change]:
        """Remove objects given as (kind, name, namespace); "not found" for those that are not there."""
        changes = []
        for kind, name, namespace in sorted(objects, key=lambda o: -rank(o[0])):
            path = self.path(kind, name, namespace)
            found = path.exists()
            path.unlink(missing_ok=True)
            changes.append(Change(kind, name, namespace, "deleted" if found else "not found"))
        return changes


def readable(file: Path) -> Iterator[Document]:
    """The objects of a file, or nothing when it is gone or no YAML: the control plane reports such a file."""
    try:
        found = documents_of(file.read_text())
    except (OSError, yaml.YAMLError):
        return
    yield from filter(identified, found)


def identified(document: Document) -> bool:
    """Whether it has what an object needs to be told from others: a kind and a name."""
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and bool(document.get("kind") and metadata.get("name"))


def addressed(spec: Document, metadata: Document, old: Document, taken: list[str]) -> Document:
    """A Service's spec with its cluster IP: the one it has, else one of its own."""
    if spec.get("type") == "ExternalName":
        return spec
    address = spec.get("clusterIP") or old.get("clusterIP")
    if not address:
        address = service_address(metadata["namespace"], metadata["name"], taken)
    taken.append(address)
    return {**spec, "clusterIP": address}
