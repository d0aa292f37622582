"""A connected proxy as a workload: it registers with what its Node says, so nobody writes an IP in a lab."""

from __future__ import annotations

from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.proxy.node import Proxy


def workload_of(proxy: Proxy) -> Workload:
    """The workload behind this proxy. Made once for a connection: a Workload is equal only to itself."""
    return Workload(
        source=WorkloadSource.PROXY,
        name=proxy.name,
        namespace=proxy.namespace,
        addresses=proxy.addresses,
        labels=proxy.labels,
        service_account=proxy.service_account,
        workload=proxy.workload or proxy.name,
        locality=proxy.locality,
        network=proxy.network,
        cluster=proxy.cluster,
        node=proxy.node_name,
        tls_mode=proxy.labels.get("security.istio.io/tlsMode", "istio"),
    )
