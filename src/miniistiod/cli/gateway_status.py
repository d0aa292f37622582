"""Documents of the Gateway API → the same with the `status` that istiod would have written into them."""

from __future__ import annotations

from typing import Any

from miniistiod.api import kinds
from miniistiod.cli.pages import page
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.state import CONTROL_PLANE
from miniistiod.lab.store import Document
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.snapshot import snapshot
from miniistiod.server.files import ConfigFiles

Key = tuple[str, str, str]


def with_status(documents: list[Document], outside: OutsideLab) -> list[Document]:
    """The documents; those of other kinds stay as they are."""
    if not any(group(document) == kinds.GATEWAY_API for document in documents):
        return documents
    known = known_statuses(outside)
    return [
        {**document, "status": known[key(document)]} if key(document) in known else document
        for document in documents
    ]


def known_statuses(outside: OutsideLab) -> dict[Key, Any]:
    """Every status: from the control plane of a lab that runs, else from its documents alone."""
    published = outside.state.told().get("published", {}) if outside.state.alive() else {}
    if CONTROL_PLANE in published:
        rows = page(f"127.0.0.1:{published[CONTROL_PLANE]}", "/debug/gateway-status")
        return {tuple(row["object"]): row["status"] for row in rows}
    store = ConfigFiles([outside.state.config]).load()
    return statuses(store.kinds, snapshot(store))


def group(document: Document) -> str:
    """The API group of a document."""
    return str(document.get("apiVersion", "")).rpartition("/")[0]


def key(document: Document) -> Key:
    """What tells it from all others; see config.objects."""
    kind = next(k for k in kinds.KINDS if (k.name, k.group) == (document["kind"], group(document)))
    metadata = document["metadata"]
    return (kind.id, metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
