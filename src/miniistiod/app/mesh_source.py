"""Objects and connected proxies → what each Envoy may have: the Source that the xDS server reads.

A mesh is made once for each change, a scope once for each proxy and mesh; resources when the server asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import grpc

from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config import Store
from miniistiod.generate.resources import resources
from miniistiod.mesh import kept
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.settings import Environment
from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.proxy.node import NodeError, Proxy, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.proxy.workload import workload_of
from miniistiod.server.connections import Refusal
from miniistiod.translate.request_authentication.key_set import (
    NONE_FETCHED,
    KeySets,
    KeySource,
    fetch_timeout,
    key_source,
)
from miniistiod.xds.resource import Part
from miniistiod.xds.type_rules import SDS


class ProxySnapshot:
    """What one proxy may have in one mesh; each type is worked out when it is first asked for."""

    def __init__(self, scope: ProxyScope, mesh: Mesh, secrets: bool) -> None:
        self.scope = scope
        self.mesh = mesh
        self._secrets = secrets

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The resources of a type."""
        return resources(self.scope, type_url) if self._secrets or type_url != SDS else ()


@dataclass(slots=True)
class Client:
    """One connected Envoy: its Node (kept so that its identity stays its own), who it is and what it has."""

    node: Any
    proxy: Proxy
    workload: Workload
    snapshot: ProxySnapshot | None = None


class MeshSource:
    """The mesh as it is now. Everything happens on one thread.

    Without `secrets` none are served: nobody could prove here who they are. `environment` is what the
    mesh's settings may name.
    """

    def __init__(self, secrets: bool = True, environment: Environment = ()) -> None:
        self._secrets = secrets
        self._environment = environment
        self.store = Store()
        self._key_sets = NONE_FETCHED
        self._mesh: Mesh | None = None
        self._clients: dict[int, Client] = {}

    @property
    def mesh(self) -> Mesh:
        """The mesh of all objects and connected proxies; the same object until one of them changes.

        In which order proxies connect says nothing, or a restart would send their endpoints again.
        """
        if self._mesh is None:
            first_streams = {c.proxy.id: c.workload for c in reversed(self._clients.values())}
            workloads = [first_streams[name] for name in sorted(first_streams)]
            made = snapshot(self.store, workloads, self._environment)
            self._mesh = replace(made, key_sets=self._key_sets)
        return self._mesh

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """The connected ones."""
        return tuple(client.proxy for client in self._clients.values())

    def update(self, store: Store) -> None:
        """Take another configuration."""
        if store is not self.store:
            self.store, self._mesh = store, None

    def update_keys(self, key_sets: KeySets) -> None:
        """Take other keys of token issuers."""
        self._key_sets, self._mesh = key_sets, None

    @property
    def key_sources(self) -> dict[KeySource, timedelta]:
        """The key sets that the configuration names by where they are, with the time one attempt may take."""
        rules = [rule for policy in self.store.of(RequestAuthentication) for rule in policy.message.jwt_rules]
        sources = ((key_source(rule), fetch_timeout(rule).ToTimedelta()) for rule in rules)
        return {source: timeout for source, timeout in sources if source is not None}

    def snapshot(self, node: Any) -> ProxySnapshot:
        """What the proxy with this Node may have. Refusal for a Node that is no proxy of ours."""
        client = self._client(node)
        before, mesh = client.snapshot, self.mesh
        if before is not None and before.mesh is mesh:
            return before
        scope = ProxyScope(client.proxy, mesh, None if before is None else before.scope)
        client.snapshot = ProxySnapshot(scope, mesh, self._secrets)
        return client.snapshot

    def connected(self, node: Any) -> bool:
        """A proxy is here: it counts as a workload from now on. Whether the mesh is another one by that."""
        return self._reconsidered(self._client(node))

    def disconnected(self, node: Any) -> bool:
        """A stream of a proxy has ended. Whether the mesh is another one by that."""
        return self._reconsidered(self._clients.pop(id(node)))

    def forget_departed(self) -> None:
        """Free what was made for proxies that have left; else that would wait for changes of the mesh."""
        kept.MEMORY.sweep(self._note_use)

    def _note_use(self) -> None:
        """Use what a mesh is made of, and what is there for those who stay."""
        self._mesh = None
        _ = self.mesh
        for client in self._clients.values():
            if client.snapshot is not None:
                client.snapshot.scope.facts.note_use()

    def _reconsidered(self, client: Client) -> bool:
        """Whether a stream that came or went matters: not if a document declares who is at that address, nor
        if the proxy has another stream."""
        at = self.mesh.workloads.at
        found = (at(address) for address in client.workload.addresses)
        if any(known is not None and known.source is not WorkloadSource.PROXY for known in found):
            return False
        if any(c.proxy.id == client.proxy.id for c in self._clients.values() if c is not client):
            return False
        self._mesh = None
        return True

    def _client(self, node: Any) -> Client:
        client = self._clients.get(id(node))
        if client is None:
            try:
                who = proxy(node)
            except NodeError as fault:
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(fault)) from None
            client = self._clients[id(node)] = Client(node, who, workload_of(who))
        return client
