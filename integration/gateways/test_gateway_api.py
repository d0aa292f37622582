"""Gateway API on real Envoys: a route at a gateway, a route of a Service in the mesh, what status says."""

from __future__ import annotations

from typing import Any

import pytest

from integration.gateways.visits import visit
from miniistiod.testing.live import CONFIGS, LiveLab

pytestmark = pytest.mark.lab("httpbin", "gateways", "gateway-api")

ROUTE = CONFIGS / "gateway-api" / "exercises" / "01-route"
HOST = "api.example.net"
GATEWAY = ["Gateway.gateway.networking.k8s.io", "default", "front"]
OF_SERVICE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: mesh}
spec:
  parentRefs: [{group: "", kind: Service, name: httpbin, port: 8000}]
  rules:
  - matches: [{path: {type: Exact, value: /moved}}]
    filters:
    - type: RequestRedirect
      requestRedirect: {statusCode: 302, path: {type: ReplaceFullPath, replaceFullPath: /get}}
  - matches: [{path: {type: PathPrefix, value: /status}}]
    backendRefs: [{name: httpbin, port: 8000}]
"""


def status(lab: LiveLab, key: list[str]) -> Any:
    """What the control plane says of an object."""
    rows = lab.pages.get("/debug/gateway-status").json()
    return next(row["status"] for row in rows if row["object"] == key)


def reasons(conditions: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    """Type → (status, reason)."""
    return {each["type"]: (each["status"], each["reason"]) for each in conditions}


def test_a_route_at_a_gateway(lab: LiveLab) -> None:
    with lab.rules(ROUTE):
        rewritten = visit(lab, HOST, path="/v1/books?a=b")
        prefix_only = visit(lab, HOST, path="/v12")
        other = visit(lab, "other.example.net", path="/headers")
        taken = status(lab, GATEWAY)
    assert rewritten.json()["url"] == f"http://{HOST}/anything/books?a=b"
    assert (prefix_only.status, other.status) == (404, 404)
    assert reasons(taken["conditions"])["Programmed"] == ("True", "Programmed")
    assert [listener["attachedRoutes"] for listener in taken["listeners"]] == [1]


def test_a_route_with_a_host_that_the_listener_has_not_is_refused(lab: LiveLab) -> None:
    foreign = ROUTE.joinpath("httpbin.yaml").read_text().replace(HOST, "api.example.com")
    with lab.rules(foreign):
        answered = visit(lab, HOST, path="/headers", headers={"host": "api.example.com"})
        (parent,) = status(lab, ["HTTPRoute", "default", "httpbin"])["parents"]
    assert answered.status == 404
    assert reasons(parent["conditions"])["Accepted"] == ("False", "NoMatchingListenerHostname")


def test_a_missing_backend_is_told_and_gets_500(lab: LiveLab) -> None:
    broken = ROUTE.joinpath("httpbin.yaml").read_text().replace("- name: httpbin\n", "- name: nobody\n")
    with lab.rules(broken):
        answered = visit(lab, HOST, path="/headers")
        (parent,) = status(lab, ["HTTPRoute", "default", "httpbin"])["parents"]
    assert answered.status == 500
    assert reasons(parent["conditions"])["ResolvedRefs"] == ("False", "BackendNotFound")


def test_a_route_of_a_service_governs_the_mesh(lab: LiveLab) -> None:
    with lab.rules(OF_SERVICE):
        (moved,) = lab.client.send("http://httpbin:8000/moved")
        (found,) = lab.client.send("http://httpbin:8000/status/202")
        (none,) = lab.client.send("http://httpbin:8000/headers")
        (parent,) = status(lab, ["HTTPRoute", "default", "mesh"])["parents"]
    assert (moved.status, moved.headers["location"]) == (302, "http://httpbin:8000/get")
    assert (found.status, none.status) == (202, 404)
    assert reasons(parent["conditions"]) == {
        "Accepted": ("True", "Accepted"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
    }
