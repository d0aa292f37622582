"""What is kept from before a change never shows after it: a warm memory gives what an empty one gives."""

from __future__ import annotations

import pytest

from miniistiod.config import Store, loaded
from miniistiod.generate.resources import GENERATORS, resources
from miniistiod.mesh.kept import MEMORY
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import Proxy, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.proxy.workload import workload_of
from tests.parity import nodes
from tests.parity.reference import case_file

CASES = (
    "seeds/bookinfo-base",
    "seeds/circuit-breaker-full",
    "seeds/ingress-gateway-bookinfo",
    "destinationrule/merge-two",
    "destinationrule/tls-modes",
    "destinationrule/workload-selector",
    "envoyfilter/priority-and-scope",
    "locality/failover",
    "peerauthentication/port-level",
    "serviceentry/workload-entries",
    "services/external-name",
    "services/headless-tcp",
    "sidecar/selector-precedence",
    "telemetry/accesslog-telemetry",
    "virtualservice/delegate",
)


def scopes_of(store: Store, proxies: list[Proxy], before: list[ProxyScope]) -> list[ProxyScope]:
    """The scopes of all proxies, each with what it may carry over from the one before."""
    mesh = snapshot(store, [workload_of(each) for each in proxies])
    old = {scope.proxy: scope for scope in before}
    return [ProxyScope(each, mesh, old.get(each)) for each in proxies]


def bodies(scopes: list[ProxyScope]) -> dict[tuple[str, str, str], bytes]:
    """Every resource of every proxy."""
    return {
        (scope.proxy.id, type_url, name): each.body
        for scope in scopes
        for type_url in GENERATORS
        for part in resources(scope, type_url)
        for name, each in part.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_taking_a_document_out_and_putting_it_back_leaves_nothing_behind(case: str) -> None:
    path = case_file(case)
    documents = path.read_text().split("\n---\n")
    store = loaded({f"{index}.yaml": text for index, text in enumerate(documents)})
    proxies = [proxy(nodes.node(pod)) for pod in nodes.pods(path).values()]
    stores = [store, *(store.without_file(name) for name in store.files), store]
    MEMORY.entries.clear()
    warm, scopes = [], list[ProxyScope]()
    for each in stores:
        scopes = scopes_of(each, proxies, scopes)
        warm.append(bodies(scopes))
    assert warm[0]
    for each, found in zip(stores, warm, strict=True):
        MEMORY.entries.clear()
        assert bodies(scopes_of(each, proxies, [])) == found
