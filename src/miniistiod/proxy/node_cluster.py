"""ProxyConfig and labels → the cluster in a proxy's Node: the service that spans and Envoy's logs name.

Source: Istio's agent, whose default is APP.NAMESPACE.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig

CANONICAL = "service.istio.io/canonical-name"
RECOMMENDED = "app.kubernetes.io/name"
UNNAMED = "istio-proxy"


def node_cluster(config: ProxyConfig, labels: Mapping[str, str], workload: str, namespace: str) -> str:
    """serviceCluster as it stands, or the name that tracingServiceName chooses."""
    usual = f"{_first(labels, ('app', RECOMMENDED, CANONICAL), workload)}.{namespace}"
    if config.WhichOneof("cluster_name") == "service_cluster":
        return usual if config.service_cluster in ("", UNNAMED) else config.service_cluster
    canonical = _first(labels, (CANONICAL, RECOMMENDED, "app"), workload)
    match config.tracing_service_name:
        case ProxyConfig.TracingServiceName.CANONICAL_NAME_ONLY:
            return canonical
        case ProxyConfig.TracingServiceName.CANONICAL_NAME_AND_NAMESPACE:
            return f"{canonical}.{namespace}"
    return usual


def _first(labels: Mapping[str, str], names: tuple[str, ...], default: str) -> str:
    return next((labels[name] for name in names if name in labels), default)
