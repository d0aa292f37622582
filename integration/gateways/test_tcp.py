"""TCP and terminated TLS through an ingress gateway, and what it believes of the client's address."""

from __future__ import annotations

import pytest

from integration.gateways.visits import Issuer, gateway, server, virtual_service, visit
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("httpbin", "protocols", "gateways")

TO_ECHO = "route: [{destination: {host: tcp-echo.default.svc.cluster.local, port: {number: 9000}}}]"


def test_tcp(lab: LiveLab) -> None:
    with lab.rules(
        gateway("tcp", server(31400, "TCP", "'*'")),
        virtual_service("tcp", "'*'", "tcp", f"tcp: [{{match: [{{port: 31400}}], {TO_ECHO}}}]"),
    ):
        assert visit(lab, "any.example.com", 31400, say="hello").body == "tcp-echo\nhello"
    assert visit(lab, "any.example.com", 31400, say="hello").error


def test_a_tcp_server_without_a_rule_closes_the_connection(lab: LiveLab) -> None:
    with lab.rules(gateway("tcp", server(31400, "TCP", "'*'"))):
        reply = visit(lab, "any.example.com", 31400, say="hello")
    assert reply.body == "" or reply.error


def test_tls_ends_at_the_gateway_and_tcp_goes_on(lab: LiveLab) -> None:
    issuer = Issuer.new()
    with lab.rules(
        gateway("tls", server(31400, "TLS", "echo.example.com", "mode: SIMPLE, credentialName: echo")),
        virtual_service("tls", "echo.example.com", "tls", f"tcp: [{{match: [{{port: 31400}}], {TO_ECHO}}}]"),
        issuer.secret("echo", "echo.example.com"),
    ):
        reply = visit(lab, "echo.example.com", 31400, tls=True, say="hello")
    assert (reply.names, reply.body) == (["echo.example.com"], "tcp-echo\nhello")


TRUSTING = """
apiVersion: v1
kind: Service
metadata:
  name: trusting
  namespace: istio-system
  annotations: {lab.mini-istiod.io/hostnames: trusting.example}
spec: {selector: {istio: trusting}, ports: [{name: http2, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: trusting, namespace: istio-system}
spec:
  template:
    metadata:
      labels: {istio: trusting}
      annotations:
        inject.istio.io/templates: gateway
        proxy.istio.io/config: '{"gatewayTopology": {"numTrustedProxies": 2}}'
    spec: {containers: [{name: istio-proxy, image: auto}]}
"""


def test_the_clients_address_is_believed_from_as_many_proxies_as_are_trusted(lab: LiveLab) -> None:
    chain = {"x-forwarded-for": "9.9.9.9, 8.8.8.8, 7.7.7.7"}
    hosts = "trusting.example, any.example.com"
    with lab.rules(
        TRUSTING,
        gateway("trusts", server(80, "HTTP", hosts), selector="trusting"),
        gateway("trusts-nobody", server(80, "HTTP", hosts)),
        virtual_service("trusts", hosts, "trusts, trusts-nobody"),
    ):
        lab.outside.settled(lambda _: None)
        lab.settle()
        seen = {
            host: visit(lab, host, path="/headers", headers=chain).json()["headers"]
            for host in ("trusting.example", "any.example.com")
        }
    assert seen["trusting.example"]["x-envoy-external-address"] == "8.8.8.8"
    assert seen["any.example.com"]["x-envoy-external-address"] not in chain["x-forwarded-for"]
