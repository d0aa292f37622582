"""The mesh's own debug pages: its objects, its endpoints and what is wrong with it, as JSON like istiod's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import json_format

from miniistiod.analysis import analysis
from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.app.mesh_source import MeshSource
from miniistiod.config import AnyObject
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.service import Endpoint
from miniistiod.server.metrics import Metrics

Json = dict[str, Any]


def pages(source: MeshSource) -> dict[str, Callable[[], Any]]:
    """Path → what to show there."""
    return {
        "/debug/configz": lambda: [
            manifest(each) for each in source.store.objects if each.kind.name != "Secret"
        ],
        "/debug/endpointz": lambda: endpoints(source),
        "/debug/diagnostics": lambda: diagnostics(source),
        "/debug/gateway-status": lambda: gateway_status(source),
    }


def manifest(each: AnyObject) -> Json:
    """An object as a user would write it, and where it stands."""
    metadata = {"name": each.name, "namespace": each.namespace, "labels": dict(each.labels)}
    metadata |= {"annotations": dict(each.annotations), "creationTimestamp": each.created}
    body = json_format.MessageToDict(each.message)
    return {
        "apiVersion": each.kind.api_versions[0],
        "kind": each.kind.name,
        "metadata": {key: value for key, value in metadata.items() if value},
        **({"spec": body} if each.kind.body == "spec" else body),
        "origin": str(each.origin),
    }


def endpoints(source: MeshSource) -> list[Json]:
    """The endpoints of each service, port by port."""
    mesh = source.mesh
    return [
        {"service": service.hostname, "namespace": service.namespace, "port": port.number,
         "endpoints": [endpoint(each) for each in mesh.endpoints.of(service).at(port)]}
        for service in mesh.services.all
        for port in service.ports
    ]  # fmt: skip


def endpoint(each: Endpoint) -> Json:
    """One endpoint."""
    shown = {
        "address": each.address,
        "port": each.port,
        "workload": each.workload,
        "labels": dict(each.labels),
    }
    shown |= {"serviceAccount": each.service_account, "locality": each.locality, "tlsMode": each.tls_mode}
    return {key: value for key, value in shown.items() if value}


def diagnostics(source: MeshSource) -> list[Json]:
    """All that is wrong or odd in the documents, each by itself and together."""
    odd = analysis(source.store, source.mesh, source.proxies)
    return [d.json() for d in (*source.store.diagnostics, *odd)]


def gateway_status(source: MeshSource) -> list[Json]:
    """The `status` of the objects of the Gateway API."""
    found = statuses(source.store.kinds, source.mesh)
    return [{"object": list(key), "status": status} for key, status in found.items()]


def measured(source: MeshSource, metrics: Metrics) -> None:
    """Set what the metrics say of the mesh."""
    metrics.services.set(len(source.mesh.services.all))
    metrics.virtual_services.set(len(source.store.of(VirtualService)))
