"""A connected proxy as a workload: it registers with what its Node says, so nobody writes an IP in a lab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from miniistiod.mesh.kept import kept
from miniistiod.mesh.locality import with_topology
from miniistiod.mesh.workload import Workload, WorkloadSource
from miniistiod.proxy.node import Proxy


@kept
def workload_of(proxy: Proxy) -> Workload:
    """The workload behind this proxy; the same object while the connection lasts and snapshots ask for it.

    Whom a sidecar stands before, that can be reached over mutual TLS; what a router takes, its Gateways say.
    """
    return Workload(
        source=WorkloadSource.PROXY,
        name=proxy.name,
        namespace=proxy.namespace,
        addresses=proxy.addresses,
        labels=with_topology(proxy.labels, proxy.locality, proxy.cluster, proxy.node_name, proxy.network),
        service_account=proxy.service_account,
        workload=proxy.workload or proxy.name,
        port_names=pod_ports(proxy.metadata.get("POD_PORTS")),
        locality=proxy.locality,
        network=proxy.network,
        cluster=proxy.cluster,
        node=proxy.node_name,
        tls_mode=proxy.labels.get("security.istio.io/tlsMode", "istio" if proxy.is_sidecar else "disabled"),
    )


def pod_ports(value: Any) -> Mapping[str, int]:
    """The named ports in POD_PORTS, which istio-agent sends as JSON: [{name, containerPort, protocol}]."""
    try:
        ports = json.loads(value) if isinstance(value, str) else value or []
        return {port["name"]: int(port["containerPort"]) for port in ports if port.get("name")}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
