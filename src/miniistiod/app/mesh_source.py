"""Objects and connected proxies → what each Envoy may have: the Source that the xDS server reads.

A mesh is made once for each change, a scope once for each proxy and mesh; resources when the server asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from miniistiod.config import Store
from miniistiod.generate.resources import resources
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.workload import Workload
from miniistiod.proxy.node import NodeError, Proxy, proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.proxy.workload import workload_of
from miniistiod.server.connections import Refusal
from miniistiod.xds.resource import Part


class ProxySnapshot:
    """What one proxy may have in one mesh; each type is worked out when it is first asked for."""

    def __init__(self, scope: ProxyScope) -> None:
        self.scope = scope
        self._parts: dict[str, tuple[Part, ...]] = {}

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The resources of a type."""
        parts = self._parts.get(type_url)
        if parts is None:
            parts = self._parts[type_url] = resources(self.scope, type_url)
        return parts


@dataclass(slots=True)
class Client:
    """One connected Envoy: its Node (kept so that its identity stays its own), who it is and what it has."""

    node: Any
    proxy: Proxy
    workload: Workload
    snapshot: ProxySnapshot | None = None


class MeshSource:
    """The mesh as it is now. Everything happens on one thread."""

    def __init__(self) -> None:
        self.store = Store()
        self._mesh: Mesh | None = None
        self._clients: dict[int, Client] = {}

    @property
    def mesh(self) -> Mesh:
        """The mesh of all objects and connected proxies; the same object until one of them changes."""
        if self._mesh is None:
            self._mesh = snapshot(self.store, [client.workload for client in self._clients.values()])
        return self._mesh

    def update(self, store: Store) -> None:
        """Take another configuration."""
        if store is not self.store:
            self.store, self._mesh = store, None

    def snapshot(self, node: Any) -> ProxySnapshot:
        """What the proxy with this Node may have. Refusal for a Node that is no proxy of ours."""
        client = self._clients.get(id(node)) or self._client(node)
        if client.snapshot is None or client.snapshot.scope.mesh is not self.mesh:
            client.snapshot = ProxySnapshot(ProxyScope(client.proxy, self.mesh))
        return client.snapshot

    def connected(self, node: Any) -> None:
        """A proxy is here: it counts as a workload from now on."""
        self._clients[id(node)] = self._client(node)
        self._mesh = None

    def disconnected(self, node: Any) -> None:
        """A proxy has left."""
        if self._clients.pop(id(node), None) is not None:
            self._mesh = None

    def _client(self, node: Any) -> Client:
        try:
            who = proxy(node)
        except NodeError as fault:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(fault)) from None
        return Client(node, who, workload_of(who))
