"""Mistakes with gateways, each with its code and field; and that what is right is not blamed."""

from __future__ import annotations

import ast
from pathlib import Path

from miniistiod import mesh
from miniistiod.config import of_text
from miniistiod.explain.findings import edge_findings
from miniistiod.explain.gateway_api_findings import PASSING, WAYS_OUT
from miniistiod.mesh.certificate_references import BAD_CERTIFICATE, BAD_ROOTS
from miniistiod.mesh.snapshot import snapshot
from tests.mesh.test_gateway_api_status import API, HTTP, ROUTER, tls_secret
from tests.mesh.test_gateway_api_status import gateway as api_gateway
from tests.mesh.test_gateway_api_status import route as api_route

MESH = Path(mesh.__path__[0])

EDGE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: edge}
spec: {template: {metadata: {labels: {istio: front, app: front}}}}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: edge}
spec:
  clusterIP: 10.0.0.9
  selector: {app: front}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]
"""


def gateway(*servers: str, name: str = "g", selector: str = "istio: front") -> str:
    """A Gateway in a namespace other than its routers'."""
    head = "apiVersion: networking.istio.io/v1\nkind: Gateway\n"
    meta = f"metadata: {{name: {name}, namespace: shop}}\n"
    return f"{head}{meta}spec: {{selector: {{{selector}}}, servers: [{', '.join(servers)}]}}\n"


def server(number: int, protocol: str = "HTTP", tls: str = "", host: str = "a.example.com") -> str:
    """One server."""
    port = f"{{number: {number}, name: {protocol.lower()}-{number}, protocol: {protocol}}}"
    return f"{{port: {port}, hosts: [{host}]{f', tls: {{{tls}}}' if tls else ''}}}"


def found(*texts: str) -> list[tuple[str, str]]:
    """(code, field) of all findings; each must name a place and say what is wrong."""
    store = of_text("\n---\n".join(texts), "all.yaml")
    diagnostics = edge_findings(store.kinds, snapshot(store))
    assert all(each.file == "all.yaml" and each.line and each.message for each in diagnostics)
    return [(each.code, each.path) for each in diagnostics]


def messages(*texts: str) -> str:
    store = of_text("\n---\n".join(texts))
    return "\n".join(each.message for each in edge_findings(store.kinds, snapshot(store)))


def test_a_gateway_in_order_is_not_blamed() -> None:
    good = gateway(server(80), server(8443, "HTTPS", "mode: SIMPLE, credentialName: good"))
    assert found(EDGE, good, tls_secret("good", "edge")) == []


def test_nobody_has_the_labels() -> None:
    assert found(EDGE, gateway(server(80), selector="istio: frnt")) == [("IST0101", "spec.selector")]


def test_a_port_that_no_service_has() -> None:
    assert found(EDGE, gateway(server(80), server(81))) == [("IST0162", "spec.servers[1].port.number")]


def test_a_secret_that_is_missing_or_elsewhere() -> None:
    wants = gateway(server(443, "HTTPS", "mode: SIMPLE, credentialName: c"))
    field = "spec.servers[0].tls.credentialName"
    assert found(EDGE, wants) == [("IST0101", field)]
    assert found(EDGE, wants, tls_secret("c", "shop")) == [("IST0101", field)]
    assert "there is one in namespace shop" in messages(EDGE, wants, tls_secret("c", "shop"))


def test_a_secret_without_what_is_needed() -> None:
    field = "spec.servers[0].tls.credentialName"
    broken = tls_secret("c", "edge").replace("tls.key: ", "tls.key: QUJD")
    simple = gateway(server(443, "HTTPS", "mode: SIMPLE, credentialName: c"))
    mutual = gateway(server(443, "HTTPS", "mode: MUTUAL, credentialName: c"))
    assert found(EDGE, simple, broken.replace("LS0tLS1CRUdJTi", "LS0tLS1CRUdJT2")) == [("IST0161", field)]
    assert found(EDGE, mutual, tls_secret("c", "edge")) == [("IST0161", field)]


def test_the_second_of_several_certificates() -> None:
    wants = gateway(server(443, "HTTPS", "mode: SIMPLE, credentialNames: [c, d]"))
    assert found(EDGE, wants, tls_secret("c", "edge")) == [
        ("IST0101", "spec.servers[0].tls.credentialNames[1]")
    ]


def test_a_server_that_lost_against_an_older_gateway() -> None:
    tls = "mode: SIMPLE, credentialName: c"
    older = gateway(server(443, "HTTPS", tls), name="a")
    newer = gateway(server(80), server(443, "HTTPS", tls), name="b")
    other = gateway(server(80, "TCP"), name="c")
    secret = tls_secret("c", "edge")
    both = [("IST0145", "spec.servers[1]"), ("IST0145", "spec.servers[0]")]
    assert found(EDGE, older, newer, secret) == both
    assert "left out" in messages(EDGE, older, newer, secret)
    assert found(EDGE, newer, other, secret) == [("IST0145", "spec.servers[0]")] * 2
    assert "the port is used for HTTP" in messages(EDGE, newer, other, secret)


def test_routes_of_kinds_that_are_left_out() -> None:
    spec = "spec: {parentRefs: [{name: front}], rules: [{backendRefs: [{name: web, port: 80}]}]}"
    grpc = f"{API}kind: GRPCRoute\nmetadata: {{name: r, namespace: shop}}\n{spec}\n"
    assert found(ROUTER, grpc) == [("not-supported", "spec")]


def test_the_status_of_the_gateway_api_is_told_at_its_fields() -> None:
    second = "{name: b, port: 80, protocol: TCP}"
    texts = (
        ROUTER,
        api_gateway(HTTP, second),
        api_route(
            "parentRefs: [{name: front, sectionName: x}, {name: none}]", backend="{name: nobody, port: 80}"
        ),
    )
    assert found(*texts) == [
        ("IST0171", "spec.listeners[1]"),
        ("no-parent", "spec.parentRefs[1]"),
        ("IST0171", "spec.parentRefs[0]"),
        ("IST0171", "spec.parentRefs[0]"),
    ]


def reasons() -> set[str]:
    """The reasons that the mesh gives in conditions, as its source has them."""
    trees = [ast.parse(path.read_text()) for path in MESH.glob("*.py")]
    calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    faults = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "Fault"]
    words = [
        w
        for n in faults
        for w in ast.walk(n.args[0])
        if isinstance(w, ast.Constant) and isinstance(w.value, str)
    ]
    return {str(w.value) for w in words} | {BAD_CERTIFICATE, BAD_ROOTS}


def test_each_reason_of_a_condition_has_its_way_out() -> None:
    told = reasons() - {"NotSupported", *PASSING}
    assert told >= {"BackendNotFound", "HostnameConflict"}
    assert told <= set(WAYS_OUT)


def test_a_gateway_of_the_gateway_api_in_order_is_not_blamed() -> None:
    assert found(ROUTER, api_gateway(HTTP), api_route("parentRefs: [{name: front}]")) == []
