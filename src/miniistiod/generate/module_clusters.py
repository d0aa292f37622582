"""Extensions → the clusters from which a stock Envoy fetches their Wasm modules, as Istio's agent would.

They lead straight to the host of the url, past the mesh. The certificate of the host is not checked: Envoy
takes a module only if it has the hash that the extension states.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.extensions.traffic_extension_pb2 import WasmConfig
from miniistiod.generate.cluster_resource import cluster_resource
from miniistiod.generate.endpoint_groups import address
from miniistiod.generate.extension_filters import usable
from miniistiod.mesh.extensions import Extension, Extensions
from miniistiod.mesh.kept import kept
from miniistiod.translate.traffic_extension.module_url import authority, module_url, scheme
from miniistiod.vocab import cluster_name
from miniistiod.vocab.packing import packed
from miniistiod.xds.resource import Part, Resource

FETCHED = ("http", "https")
_CONNECT = Duration(seconds=5)


@kept
def module_clusters(found: Extensions) -> Part:
    """One for each place that modules come from."""
    made = (_resource(each) for each in found if usable(each.message) and _fetched(each.message.wasm))
    return {resource.name: resource for resource in made}


def fetch_cluster(config: WasmConfig) -> str:
    """The cluster that a module is fetched from."""
    url = module_url(config.url) or ""
    return cluster_name.module(scheme(url), *authority(url)) if scheme(url) in FETCHED else ""


def _fetched(config: WasmConfig) -> bool:
    return bool(fetch_cluster(config) and config.sha256)


def _resource(extension: Extension) -> Resource:
    url = module_url(extension.message.wasm.url) or ""
    host, port = authority(url)
    name = cluster_name.module(scheme(url), host, port)
    endpoint = LbEndpoint(endpoint=Endpoint(address=address(host, port)))
    tls = UpstreamTlsContext(sni=host) if scheme(url) == "https" else None
    made = Cluster(
        name=name,
        type=Cluster.STRICT_DNS,
        connect_timeout=_CONNECT,
        load_assignment=ClusterLoadAssignment(
            cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])]
        ),
        transport_socket=None
        if tls is None
        else TransportSocket(name="envoy.transport_sockets.tls", typed_config=packed(tls)),
    )
    return cluster_resource(made, (extension,))
