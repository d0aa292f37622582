"""A proxy's scope → all its resources of one type, in parts. The one table of what is generated where.

How a generator declares its inputs: it is a function of plain arguments, marked `@kept` (mesh.kept), called
by position, and reads nothing but these arguments. An argument is an object that is equal only to itself
(Service, MergedDestinationRule, ServiceEndpoints, MeshSettings, EffectiveProxyConfig, OutboundView, an index,
an Object) or a value (str, int, bool, enum, tuple, Destination, ServiceTarget). Never a ProxyScope, which is
new for each push, a Proxy, which is shared with nobody, or a bare protobuf message, which cannot be a key.
Then a cluster is made and serialised once for all proxies and pushes whose arguments are equal:

    @kept
    def cluster(service: Service, port: Port, rule: MergedDestinationRule | None, ...) -> Resource: ...

    @kept
    def service_clusters(destinations: tuple[Destination, ...], settings: MeshSettings, ...) -> Part: ...

    @fact
    def clusters(scope: ProxyScope) -> tuple[Part, ...]:
        return (service_clusters(scope.destinations, scope.settings, ...), own_clusters(scope.targets, ...))

A Part that many proxies share is thus the same object for all of them, and in the next push as well. A
function of a scope is a `@fact` (proxy.facts): it is not even asked again for a proxy in a mesh that is the
same in all that it read. So read of a scope what you need, and its narrowest part: `scope.upstreams` outlives
a changed VirtualService, `scope.outbound` does not.
"""

from __future__ import annotations

from collections.abc import Callable

from miniistiod.generate.clusters import clusters
from miniistiod.generate.endpoints import endpoints
from miniistiod.generate.extensions import extensions
from miniistiod.generate.listeners import listeners
from miniistiod.generate.names import names
from miniistiod.generate.routes import routes
from miniistiod.generate.secrets import secrets
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.resource import Part

Generator = Callable[[ProxyScope], tuple[Part, ...]]

ENVOY = "type.googleapis.com/envoy"

GENERATORS: dict[str, Generator] = {
    f"{ENVOY}.config.cluster.v3.Cluster": clusters,
    f"{ENVOY}.config.endpoint.v3.ClusterLoadAssignment": endpoints,
    f"{ENVOY}.config.listener.v3.Listener": listeners,
    f"{ENVOY}.config.route.v3.RouteConfiguration": routes,
    f"{ENVOY}.extensions.transport_sockets.tls.v3.Secret": secrets,
    f"{ENVOY}.config.core.v3.TypedExtensionConfig": extensions,
    "type.googleapis.com/istio.networking.nds.v1.NameTable": names,
}
"""The generator of each type URL."""


def resources(scope: ProxyScope, type_url: str) -> tuple[Part, ...]:
    """All resources of this type that the proxy may have, in parts with disjoint names; () if unknown."""
    generator = GENERATORS.get(type_url)
    return () if generator is None else generator(scope)
