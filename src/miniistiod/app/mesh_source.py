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
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.workload import Workload
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

    def __init__(self, scope: ProxyScope, secrets: bool) -> None:
        self.scope = scope
        self._parts: dict[str, tuple[Part, ...]] = {} if secrets else {SDS: ()}

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
    """The mesh as it is now. Everything happens on one thread.

    Without `secrets` none are served: nobody could prove here who they are.
    """

    def __init__(self, secrets: bool = True) -> None:
        self._secrets = secrets
        self.store = Store()
        self._key_sets = NONE_FETCHED
        self._mesh: Mesh | None = None
        self._clients: dict[int, Client] = {}

    @property
    def mesh(self) -> Mesh:
        """The mesh of all objects and connected proxies; the same object until one of them changes."""
        if self._mesh is None:
            made = snapshot(self.store, [client.workload for client in self._clients.values()])
            self._mesh = replace(made, key_sets=self._key_sets)
        return self._mesh

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
        client = self._clients.get(id(node)) or self._client(node)
        if client.snapshot is None or client.snapshot.scope.mesh is not self.mesh:
            client.snapshot = ProxySnapshot(ProxyScope(client.proxy, self.mesh), self._secrets)
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
