"""`authz why` against a real Envoy: the same rules, the same requests, the same answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from integration.security.envoys import Pki, envoy, listener, server_tls
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.ca import keys, tokens
from miniistiod.config import of_text
from miniistiod.generate.authentication_filters import jwt_filters
from miniistiod.generate.authorization_filters import local_http_filters
from miniistiod.generate.authorization_verdict import verdict
from miniistiod.translate.request_authentication.key_set import NONE_FETCHED
from miniistiod.vocab.asked import Asked
from tests.support.ports import free_ports

DOMAINS = ("cluster.local",)
KEY = keys.private_key()
CLAIMS = {
    "iss": "iss",
    "sub": "alice",
    "aud": ["a", "b"],
    "azp": "app",
    "realm": {"roles": ["admin", "dev"]},
    "exp": 4102444800,
}
TOKEN = tokens.minted(CLAIMS, KEY)
JWT = f"""
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: jwt, namespace: shop}}
spec: {{jwtRules: [{{issuer: iss, jwks: '{tokens.key_set([KEY.public_key()])}'}}]}}
"""
HEAD = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: shop}
"""
POLICIES: Mapping[str, str] = {
    "nothing allowed": "{}",
    "everything allowed": "{rules: [{}]}",
    "everything denied": "{action: DENY, rules: [{}]}",
    "audited only": "{action: AUDIT, rules: [{}]}",
    "principal exact": "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}",
    "principal prefix": "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/*]}}]}]}",
    "principal suffix": "{rules: [{from: [{source: {principals: ['*/sa/web']}}]}]}",
    "principal present": "{rules: [{from: [{source: {principals: ['*']}}]}]}",
    "not this principal": "{action: DENY, rules: [{from: [{source: {notPrincipals: ['*/sa/web']}}]}]}",
    "namespace": "{rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    "not namespace": "{rules: [{from: [{source: {notNamespaces: [shop]}}]}]}",
    "service account": "{rules: [{from: [{source: {serviceAccounts: [web, bank/job]}}]}]}",
    "trust domain": "{rules: [{from: [{source: {trustDomains: ['*.local']}}]}]}",
    "ip block": "{rules: [{from: [{source: {ipBlocks: [127.0.0.0/8]}}]}]}",
    "not remote ip": "{rules: [{from: [{source: {notRemoteIpBlocks: [127.0.0.1]}}]}]}",
    "request principal": "{rules: [{from: [{source: {requestPrincipals: ['iss/*']}}]}]}",
    "no request principal": "{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]}",
    "host": "{rules: [{to: [{operation: {hosts: ['*.Example.com']}}]}]}",
    "method": "{rules: [{to: [{operation: {methods: [POST, 'P*']}}]}]}",
    "path exact": "{rules: [{to: [{operation: {paths: [/a/b]}}]}]}",
    "path prefix": "{rules: [{to: [{operation: {paths: [/a/*]}}]}]}",
    "path suffix": "{rules: [{to: [{operation: {paths: ['*.js']}}]}]}",
    "path template of one": "{rules: [{to: [{operation: {paths: ['/a/{*}/c']}}]}]}",
    "path template of any": "{rules: [{to: [{operation: {paths: ['/a/{**}']}}]}]}",
    "not path": "{action: DENY, rules: [{to: [{operation: {notPaths: ['/a*']}}]}]}",
    "port": "{rules: [{to: [{operation: {ports: ['1']}}]}]}",
    "header": "{rules: [{when: [{key: 'request.headers[x-a]', values: ['1*', two]}]}]}",
    "header present": "{rules: [{when: [{key: 'request.headers[x-a]', values: ['*']}]}]}",
    "no such header": "{rules: [{when: [{key: 'request.headers[x-a]', notValues: ['*']}]}]}",
    "nested claim": "{rules: [{when: [{key: 'request.auth.claims[realm][roles]', values: [admin]}]}]}",
    "audience": "{rules: [{when: [{key: request.auth.audiences, values: [b]}]}]}",
    "presenter": "{rules: [{when: [{key: request.auth.presenter, values: [app]}]}]}",
    "all together": "{rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET]}}],"
    " when: [{key: source.ip, values: [127.0.0.1]}]}]}",
}  # fmt: skip
REQUESTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"path": "/a/b", "host": "www.example.com"},
    {"path": "/a/b/c?q=1", "headers": {"x-a": "12"}},
    {"path": "/a/", "headers": {"x-a": "two"}, "method": "POST"},
    {"path": "/x.js", "method": "PUT", "token": True},
    {"path": "/", "token": True, "headers": {"x-a": ""}},
)
CALLERS = (("shop", "web"), ("bank", "job"))


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """One Envoy with a listener for each policy: {name: (port, policies)}, and clients."""
    folder, pki = tmp_path_factory.mktemp("envoy"), Pki.new()
    jwt = jwt_filters(of_text(JWT).of(RequestAuthentication), NONE_FETCHED, True)
    ports = free_ports(len(POLICIES))
    served, listeners = {}, []
    for (name, spec), port in zip(POLICIES.items(), ports, strict=True):
        policies = of_text(f"{HEAD}spec: {spec}\n").of(AuthorizationPolicy)
        assert len(policies) == 1
        filters = (*jwt, *local_http_filters(policies, DOMAINS))
        listeners.append(listener(port, filters, server_tls(pki)))
        served[name] = (port, policies)
    clients = {caller: pki.client(folder, *caller) for caller in CALLERS}
    with envoy(folder, {"static_resources": {"listeners": listeners}}, ports[-1]):
        yield {"served": served, "clients": clients}
    for client in clients.values():
        client.close()


def sent(client: httpx.Client, port: int, request: Mapping[str, Any]) -> int:
    """The status of the answer."""
    headers = {**request.get("headers", {}), "host": request.get("host", "other")}
    if request.get("token"):
        headers["authorization"] = f"Bearer {TOKEN}"
    url = f"https://127.0.0.1:{port}{request.get('path', '/')}"
    return client.request(request.get("method", "GET"), url, headers=headers).status_code


def described(caller: tuple[str, str], port: int, request: Mapping[str, Any]) -> Asked:
    """The same request, for the verdict."""
    return Asked(
        method=request.get("method", "GET"),
        path=request.get("path", "/"),
        host=request.get("host", "other"),
        headers=request.get("headers", {}),
        port=port,
        address="127.0.0.1",
        source_ip="127.0.0.1",
        remote_ip="127.0.0.1",
        principal=f"spiffe://cluster.local/ns/{caller[0]}/sa/{caller[1]}",
        claims=CLAIMS if request.get("token") else None,
    )


@pytest.mark.parametrize("name", list(POLICIES))
def test_envoy_decides_as_the_verdict_says(listening: Mapping[str, Any], name: str) -> None:
    port, policies = listening["served"][name]
    for caller in CALLERS:
        for request in REQUESTS:
            status = sent(listening["clients"][caller], port, request)
            wanted = verdict(policies, DOMAINS, described(caller, port, request), tcp=False)
            assert (status, wanted.action) in ((200, "allowed"), (403, "denied")), (caller, request, wanted)
