"""A running lab as a test sees it: rules that hold for a block, traffic, proof that all Envoys obey."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

from miniistiod import config
from miniistiod.config.diagnostics import errors
from miniistiod.lab import configs
from miniistiod.lab.configs import CONFIGS as CONFIGS
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.state import CONTROL_PLANE, State
from miniistiod.lab.store import Document, documents_of, kind_of
from miniistiod.testing.traffic import FRESH, AccessLog, Client, Inspected

SECONDS_TO_SETTLE = 60.0
INTERVAL = 0.01
REVISION = "lab-revision"
"""A ConfigMap written after each change: when the control plane shows it, it has read the change."""
INGRESS = "istio-ingressgateway.istio-system:80"


class LiveLab:
    """One running lab."""

    def __init__(self, outside: OutsideLab) -> None:
        self.outside = outside
        self.state = outside.state
        self.revisions = itertools.count(1)
        self.inspected: dict[str, Inspected] = {}
        published = outside.ask("status")["published"]
        url = f"http://127.0.0.1:{published[CONTROL_PLANE]}"
        self.pages = httpx.Client(base_url=url, timeout=SECONDS_TO_SETTLE, limits=FRESH)
        self.ingress = f"http://localhost:{published[INGRESS]}" if INGRESS in published else ""

    @property
    def client(self) -> Client:
        """The workload named `client`."""
        return self.caller("client")

    def caller(self, name: str, namespace: str = "default") -> Client:
        """Another workload that sends requests."""
        key = f"{name}.{namespace}"
        found = self.inspected.get(key)
        if not isinstance(found, Client):
            found = self.inspected[key] = Client(name, self.state.pod(key) / "app.sock")
        return found

    def app(self, name: str, namespace: str = "default") -> Inspected:
        """A workload that serves, e.g. reviews-v1."""
        key = f"{name}.{namespace}"
        if key not in self.inspected:
            self.inspected[key] = Inspected(name, self.state.pod(key) / "app.sock")
        return self.inspected[key]

    def access_log(self, name: str, namespace: str = "default") -> AccessLog:
        """The access log of a workload's proxy, from now on."""
        return AccessLog(self.state.logs / f"{name}.{namespace}.istio-proxy.log")

    def page(self, user: str = "", path: str = "/productpage") -> httpx.Response:
        """A page through the ingress gateway, as a browser gets it."""
        headers = {"end-user": user} if user else {}
        return httpx.get(f"{self.ingress}{path}", headers=headers, timeout=60)

    def apply(self, *texts: str | Path) -> None:
        """Write objects, and wait until every proxy has acknowledged what follows from them."""
        self.outside.apply(described(texts))
        self.settle()

    def delete(self, *texts: str | Path) -> None:
        """Remove objects, and wait until no proxy has anything of them."""
        self.outside.delete(identity(document) for document in described(texts))
        self.settle()

    @contextlib.contextmanager
    def rules(self, *texts: str | Path, warm: bool = True) -> Iterator[None]:
        """Objects that are there while the block runs; what they replaced comes back afterwards.

        With `warm` false they may stay without effect, as a server whose certificate is not there.
        """
        documents = described(texts)
        before = [self.outside.store.stored(*identity(document)) for document in documents]
        self.outside.apply(documents)
        try:
            self.settle(warm)
            yield
        finally:
            self.outside.apply(old for old in before if old)
            self.outside.delete(identity(new) for new, old in zip(documents, before, strict=True) if not old)
            self.settle()

    def settle(self, warm: bool = True) -> None:
        """Wait until the control plane has read the last change, and every proxy has it and uses it.

        An Envoy goes on with what it has while something new is warming; with `warm` false that is no matter.
        AssertionError when a proxy refuses something, or when it takes too long.
        """
        __tracebackhide__ = True
        revision = str(next(self.revisions))
        marker = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": REVISION},
            "data": {"is": revision},
        }
        self.outside.apply([marker])
        end = time.monotonic() + SECONDS_TO_SETTLE
        while late := self.read_late(revision) or self.proxies_late() or (warm and self.warming()):
            assert time.monotonic() < end, f"after {SECONDS_TO_SETTLE:.0f} s: {late}"
            time.sleep(INTERVAL)

    def read_late(self, revision: str) -> str:
        """Why the control plane has not read this revision; "" when it has."""
        for document in self.pages.get("/debug/configz").json():
            if document["kind"] == "ConfigMap" and document["metadata"]["name"] == REVISION:
                known = document["data"]["is"]
                return (
                    ""
                    if known == revision
                    else f"the control plane has read revision {known}, not {revision}"
                )
        return "the control plane has read no revision"

    def proxies_late(self) -> str:
        """Which proxy has not what it should have; "" when all have."""
        __tracebackhide__ = True
        for row in self.pages.get("/debug/syncz").json():
            if row.get("pending_since"):
                return f"{row['proxy']} waits since {row['pending_since']}"
            for kind in row["resources"].values():
                if kind["status"] == "NACKED":
                    what = ", ".join(kind["rejected"])
                    raise AssertionError(
                        f"{row['proxy']} refuses {kind['type']} ({what}): {kind['lastError']}"
                    )
                if kind["status"] == "STALE":
                    return f"{row['proxy']} has not acknowledged {kind['type']}"
        return ""

    def warming(self) -> str:
        """Which proxies do not use yet all that they have acknowledged; "" when none."""
        counts = self.outside.ask("warming").items()
        return ", ".join(f"{key} warms {count}" for key, count in counts if key != "published")

    def proxy(self, name: str, path: str, namespace: str = "default") -> str:
        """A page of a proxy's own admin interface, e.g. /stats."""
        import subprocess

        command = self.outside.entrance(
            f"{name}.{namespace}", ["curl", "-sf", f"http://127.0.0.1:15000{path}"]
        )
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def described(texts: Iterable[str | Path]) -> list[Document]:
    """The objects of YAML texts, of files, and of folders of files."""
    __tracebackhide__ = True
    found: list[Document] = []
    for text in texts:
        inline = {"the text given": text} if isinstance(text, str) else dict(configs.texts([text]))
        for body in admitted(inline).values():
            found += documents_of(body)
    return found


def admitted(texts: dict[str, str]) -> dict[str, str]:
    """The texts. AssertionError, with place and remedy, when one has a mistake that an API server refuses."""
    __tracebackhide__ = True
    wrong = errors(config.loaded(texts).diagnostics)
    if wrong:
        raise AssertionError("\n".join(["the configuration has mistakes:", *(each.text() for each in wrong)]))
    return texts


def identity(document: Document) -> tuple[str, str, str]:
    """Kind, name and namespace."""
    metadata: dict[str, Any] = document["metadata"]
    return kind_of(document), metadata["name"], metadata.get("namespace", "default")


@contextlib.contextmanager
def running(*names: str | Path) -> Iterator[LiveLab]:
    """A lab of its own, on any free ports, from folders of configs/ or of elsewhere; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="miniistiod-") as folder:
        outside = OutsideLab(State(Path(folder)))
        outside.apply(described(map(configs.place, names)))
        try:
            outside.start(fixed_ports=False)
            live = LiveLab(outside)
            live.settle()
            yield live
        finally:
            outside.stop()
