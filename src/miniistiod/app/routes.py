"""A configuration, a request and where it comes in → the Explanation, and where each rule of it was written.

It comes in at a Gateway (NAME or NAMESPACE/NAME), or leaves a workload (NAME or NAME.NAMESPACE).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from miniistiod.api.istio.networking.gateway_pb2 import Gateway
from miniistiod.app.authorization import authorization, subjects
from miniistiod.config import Place, Store
from miniistiod.config.objects import Object
from miniistiod.explain.judgement import Explanation, Judged
from miniistiod.explain.request import Request
from miniistiod.explain.route import at_gateway as explanation_at_gateway
from miniistiod.explain.route import in_mesh
from miniistiod.explain.vantage import vantage
from miniistiod.mesh.gateway_listeners import INFIX, SERVICE
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.policies import selected
from miniistiod.mesh.snapshot import snapshot
from miniistiod.mesh.virtual_services import SEMANTICS

Where = tuple[str, Mapping[str, str]]
"""Namespace and labels of a proxy."""


class NoGateway(LookupError):
    """There is no Gateway of that name."""


def from_workload(store: Store, workload: str, request: Request) -> Explanation:
    """What the sidecar of a workload does. Raises NoWorkload."""
    subject = authorization(store, workload).subject
    return in_mesh(vantage("sidecar", subject.namespace, subject.labels, snapshot(store)), request)


def at_gateway(store: Store, name: str, request: Request) -> Explanation:
    """What the routers of a Gateway do. Raises NoGateway, also for a port that it does not have."""
    mesh = snapshot(store)
    namespace, _, short = name.rpartition("/")
    found = [g for g in mesh.gateways if own_name(g) == short and namespace in ("", g.namespace)]
    if not found:
        known = ", ".join(sorted({f"{g.namespace}/{own_name(g)}" for g in mesh.gateways})) or "none"
        raise NoGateway(f"no Gateway {name}; there are {known}")
    ports = sorted({server.port.number for each in found for server in each.message.servers})
    if request.port and request.port not in ports:
        has = ", ".join(map(str, ports)) or "none"
        raise NoGateway(f"Gateway {name} has no server on port {request.port}; it has {has}")
    scope = vantage("router", *router_of(found[0], store, mesh), mesh)
    names = frozenset(f"{each.namespace}/{each.name}" for each in found)
    return explanation_at_gateway(scope, request, names)


def own_name(gateway: Object[Gateway]) -> str:
    """The name its user gave it; a Gateway API listener has one made from it."""
    return gateway.name.partition(f"~{INFIX}~")[0]


def router_of(gateway: Object[Gateway], store: Store, mesh: Mesh) -> Where:
    """A workload that the Gateway chooses; what it would have to be like when there is none."""
    if SERVICE in gateway.annotations:
        services = mesh.services.of_host(gateway.annotations[SERVICE].split(",")[0])
        service = services.get(gateway.namespace)
        return (gateway.namespace, service.selector if service is not None else {})
    selector = gateway.message.selector
    chosen = (each for each in subjects(store) if selected(selector, each.labels))
    first = next(chosen, None)
    return (first.namespace, first.labels) if first is not None else (gateway.namespace, dict(selector))


class Written(NamedTuple):
    """The document and field of a rule as a user names them, and where they stand."""

    name: str
    place: Place


def written(store: Store, judged: Judged) -> Written:
    """Where a rule was written; one that was made of an HTTPRoute stands in it."""
    about, path = judged.about, judged.path
    if about.annotations.get(SEMANTICS):
        namespace, _, rest = judged.name.partition(".")
        name, _, index = rest.rpartition(".")
        for route in store.of_kind("HTTPRoute"):
            if (route.namespace, route.name) == (namespace, name):
                about, path = route, f"spec.rules[{index}]"
            elif not judged.name and route.origin == about.origin:
                about, path = route, "spec.hostnames"
    return Written(f"{about.kind.name} {about.namespace}/{about.name} {path}", store.place(about, path))
