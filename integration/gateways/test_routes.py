"""What `miniistiod routes` says is what real Envoys do, at a gateway and in the mesh."""

from __future__ import annotations

import pytest

from integration.gateways.visits import gateway, server, virtual_service, visit
from miniistiod.app.routes import at_gateway, from_workload
from miniistiod.explain.request import Request
from miniistiod.server.files import ConfigFiles
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("httpbin", "protocols", "gateways")

HOST = "httpbin.default.svc.cluster.local"
RULES = (
    "http: ["
    "{match: [{uri: {exact: /exact}}], directResponse: {status: 201}},"
    "{match: [{uri: {prefix: /Pre}, ignoreUriCase: true}], directResponse: {status: 202}},"
    "{match: [{uri: {regex: '/r[0-9]+'}}, {uri: {prefix: /r}, method: {exact: PUT}}],"
    " directResponse: {status: 203}},"
    "{match: [{headers: {x-a: {prefix: one}, x-b: {}}}], directResponse: {status: 204}},"
    "{match: [{queryParams: {q: {regex: 'a.c'}}}], directResponse: {status: 205}},"
    "{match: [{withoutHeaders: {x-c: {}}, uri: {prefix: /w}}], directResponse: {status: 206}},"
    "{match: [{sourceLabels: {app: client}, uri: {prefix: /mine}}], directResponse: {status: 207}},"
    "{match: [{gateways: [many], uri: {prefix: /in}}], directResponse: {status: 208}},"
    "{match: [{uri: {prefix: /}}], directResponse: {status: 418}}]"
)
REQUESTS = (
    Request(HOST, "/exact"),
    Request(HOST, "/exact?q=x"),
    Request(HOST, "/exact/more"),
    Request(HOST, "/prefix"),
    Request(HOST, "/r12"),
    Request(HOST, "/r12x"),
    Request(HOST, "/r12x", "PUT"),
    Request(HOST, "/", headers={"x-a": "one two", "x-b": ""}),
    Request(HOST, "/", headers={"x-a": "two", "x-b": ""}),
    Request(HOST, "/?q=abc"),
    Request(HOST, "/?q=abcd"),
    Request(HOST, "/w"),
    Request(HOST, "/w", headers={"x-c": "any"}),
    Request(HOST, "/mine"),
    Request(HOST, "/in"),
)


def test_what_is_said_is_what_happens(lab: LiveLab) -> None:
    with lab.rules(
        gateway("many", server(80, "HTTP", HOST)), virtual_service("many", HOST, "many, mesh", RULES)
    ):
        store = ConfigFiles([lab.state.config]).load()
        said = [
            (at_gateway(store, "many", each).outcome, from_workload(store, "client", each).outcome)
            for each in REQUESTS
        ]
        done = []
        for each in REQUESTS:
            order = {"method": each.method, "headers": dict(each.headers)}
            order["headers"]["host"] = HOST
            outside = visit(lab, "any.example.com", path=each.target, **order)
            (inside,) = lab.client.send(f"http://{HOST}:8000{each.target}", **order)
            done.append(
                tuple(f"answered by the proxy: {status}" for status in (outside.status, inside.status))
            )
    assert said == done
    assert len({outcome for pair in said for outcome in pair}) == 9


def test_what_is_said_of_tls_and_bytes_is_what_happens(lab: LiveLab) -> None:
    to = "route: [{{destination: {{host: {}-echo.default.svc.cluster.local, port: {{number: {}}}}}}}]"
    tls = f"tls: [{{match: [{{port: 443, sniHosts: [through.example.com]}}], {to.format('tls', 9443)}}}]"
    tcp = f"tcp: [{{{to.format('tcp', 9000)}}}]"
    with lab.rules(
        gateway("through", server(443, "TLS", "through.example.com", "mode: PASSTHROUGH")),
        virtual_service("through", "through.example.com", "through", tls),
        gateway("bytes", server(31400, "TCP", "'*'")),
        virtual_service("bytes", "'*'", "bytes", tcp),
    ):
        store = ConfigFiles([lab.state.config]).load()
        said = [
            at_gateway(store, name, Request(f"{host}.example.com")).outcome
            for name, host in (("through", "through"), ("through", "other"), ("bytes", "any"))
        ]
        done = [
            visit(lab, f"{host}.example.com", port, tls=port == 443, say="hello")
            for host, port in (("through", 443), ("other", 443), ("any", 31400))
        ]
    assert said == [
        "TLS passes through unopened to tls-echo.default.svc.cluster.local:9443",
        "the connection is closed: no rule takes it",
        "its bytes go to tcp-echo.default.svc.cluster.local:9000",
    ]
    assert [visited.body for visited in done] == ["tls-echo\nhello", "", "tcp-echo\nhello"]
