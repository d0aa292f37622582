"""What we send in a case, without a server: text → Store → Mesh → ProxyScope → resources → trees."""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.config import of_text
from miniistiod.generate.resources import resources
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.parity import nodes
from tests.parity.dump import dump
from tests.parity.reference import Dump, case_file


def scopes(name: str, stock: bool = False) -> dict[str, ProxyScope]:
    """The scope of each proxy of a case."""
    path = case_file(name)
    mesh = snapshot(of_text(path.read_text(), str(path)))
    return {key: ProxyScope(proxy(nodes.node(pod, stock)), mesh) for key, pod in nodes.pods(path).items()}


def bodies(scope: ProxyScope, type_url: str, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """{name: serialised resource} of a type; of all, or of those that are asked for by name."""
    wanted = None if names is None else set(names)
    found = {n: r.body for part in resources(scope, type_url) for n, r in part.items()}
    return found if wanted is None else {n: b for n, b in found.items() if n in wanted}


def dumps(name: str, stock: bool = False) -> dict[str, Dump]:
    """{proxy: dump} of a case, as we send it."""
    return {
        key: dump(lambda url, names, scope=scope: bodies(scope, url, names))  # type: ignore[misc]
        for key, scope in scopes(name, stock).items()
    }
