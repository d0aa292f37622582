"""Short words for tests of the mesh: a mesh out of YAML, and documents that tests write again and again."""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.config import Store, of_text
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.service import Service
from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.workload import Workload


def joined(*documents: str) -> str:
    """Documents as one text."""
    return "\n---\n".join(documents)


def store(*documents: str) -> Store:
    """A store of these documents, which must all be good."""
    found = of_text(joined(*documents))
    errors = [d.text() for d in found.diagnostics if d.level.value == "Error"]
    assert not errors, errors
    return found


def mesh(*documents: str, connected: Iterable[Workload] = ()) -> Mesh:
    """The mesh of these documents."""
    return snapshot(store(*documents), connected)


def service_of(where: Mesh, host: str, namespace: str = "shop") -> Service:
    """The one service of this host and namespace."""
    found = where.services.service(host, namespace)
    assert found is not None, f"no service {namespace}/{host}"
    return found


def addresses(where: Mesh, host: str, namespace: str = "shop") -> list[tuple[str, int]]:
    """(address, port) of all endpoints of a service."""
    endpoints = where.endpoints.of(service_of(where, host, namespace))
    return [(e.address, e.port) for e in endpoints.all]


def service(
    name: str,
    namespace: str = "shop",
    ports: str = "{name: http, port: 80, targetPort: 8080}",
    more: str = "",
) -> str:
    """A Kubernetes Service that selects app=NAME."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}{more}}}
spec: {{clusterIP: 10.96.0.1, ports: [{ports}], selector: {{app: {name}}}}}
"""


def pod(
    name: str, app: str, ip: str, labels: str = "", namespace: str = "shop", ready: str = "'True'"
) -> str:
    """A Pod with a named port, on node-1."""
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {app}{labels}}}}}
spec: {{serviceAccountName: {app}, nodeName: node-1, containers: [
  {{name: app, ports: [{{name: web, containerPort: 9090}}]}}]}}
status: {{podIP: {ip}, phase: Running, conditions: [{{type: Ready, status: {ready}}}]}}
"""


def rule(
    name: str,
    host: str,
    subsets: str = "",
    namespace: str = "shop",
    created: str = "2024-01-01",
    more: str = "",
) -> str:
    """A DestinationRule with subsets `v1, v2`, given by name."""
    named = ", ".join(f"{{name: {s}, labels: {{version: {s}}}}}" for s in subsets.split())
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{host: {host}, subsets: [{named}]{more}}}
"""


def virtual_service(
    name: str, host: str, to: str, namespace: str = "shop", created: str = "2024-01-01", more: str = ""
) -> str:
    """A VirtualService that sends all requests for a host to one destination."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{hosts: [{host}], http: [{{route: [{{destination: {{host: {to}}}}}]}}]{more}}}
"""
