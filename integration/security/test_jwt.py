"""RequestAuthentication on a real Envoy: who passes, who gets 401, and what the application is told."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from integration.security.envoys import SECONDS, envoy, listener
from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.ca import keys, tokens
from miniistiod.config import of_text
from miniistiod.generate.authentication_filters import jwt_filters
from miniistiod.translate.request_authentication.key_set import NONE_FETCHED, KeySets, KeySource
from tests.support.ports import free_ports

FIRST, SECOND = keys.private_key(), keys.private_key("rsa-2048")
NOW = int(time.time())
GOOD = {"iss": "one", "sub": "alice", "aud": "shop", "exp": NOW + 3600, "org": "acme", "admin": True}


def rules(text: str) -> str:
    """A RequestAuthentication with these jwtRules."""
    head = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\n"
    return f"{head}metadata: {{name: j, namespace: shop}}\nspec: {{jwtRules: [{text}]}}\n"


ONE = f"issuer: one, jwks: '{tokens.key_set([FIRST.public_key()])}'"
TWO = f"issuer: two, jwks: '{tokens.key_set([SECOND.public_key()])}'"
POLICIES = {
    "plain": rules(f"{{{ONE}, audiences: [shop]}}"),
    "two issuers": rules(f"{{{ONE}}}, {{{TWO}}}"),
    "places": rules(
        f"{{{ONE}, fromHeaders: [{{name: x-t, prefix: 'T '}}], fromParams: [t], fromCookies: [c]}}"
    ),
    "told": rules(
        f"{{{ONE}, forwardOriginalToken: true, outputPayloadToHeader: x-payload,"
        " outputClaimToHeaders: [{header: x-org, claim: org}, {header: x-admin, claim: admin}]}"
    ),
    "not told": rules(f"{{{ONE}}}"),
    "keys not fetched": rules("{issuer: one, jwksUri: 'http://keys.example/jwks'}"),
    "keys fetched": rules("{issuer: two, jwksUri: 'http://keys.example/jwks'}"),
}
FETCHED = KeySets({KeySource("two", "http://keys.example/jwks"): tokens.key_set([SECOND.public_key()])})


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's headers."""

    def do_GET(self) -> None:
        body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, int]]:
    """One Envoy with a listener for each policy, before an application that echoes headers."""
    app = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    given = dict(zip(POLICIES, free_ports(len(POLICIES)), strict=True))
    listeners = []
    for name, text in POLICIES.items():
        policies = of_text(text).of(RequestAuthentication)
        assert len(policies) == 1
        filters = jwt_filters(policies, FETCHED if name == "keys fetched" else NONE_FETCHED, True)
        listeners.append(listener(given[name], filters, None, {"route": {"cluster": "app"}}))
    address = {"socket_address": {"address": "127.0.0.1", "port_value": app.server_address[1]}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster = {"name": "app", "load_assignment": {"cluster_name": "app", "endpoints": endpoints}}
    config = {"static_resources": {"listeners": listeners, "clusters": [cluster]}}
    with envoy(tmp_path_factory.mktemp("envoy"), config, given["keys fetched"]):
        yield given
    app.shutdown()


def token(key: keys.Private = FIRST, **changes: Any) -> str:
    claims = {**GOOD, **changes}
    return tokens.minted({k: v for k, v in claims.items() if v is not None}, key)


def answer(port: int, bearer: str = "", path: str = "/", **headers: str) -> httpx.Response:
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    url = f"http://127.0.0.1:{port}{path}"
    return httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS)


def test_a_missing_token_passes_a_good_one_too_and_every_bad_one_gets_401(ports: Mapping[str, int]) -> None:
    port = ports["plain"]
    assert answer(port).status_code == 200
    assert answer(port, token()).status_code == 200
    head, body, signature = token().split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**GOOD, "sub": "bob"}).encode()).rstrip(b"=").decode()
    for bad in (
        token(exp=NOW - 600),
        token(nbf=NOW + 600),
        token(iss="three"),
        token(SECOND),
        f"{head}.{forged}.{signature}",
        f"{head}.{body}.",
        "junk",
    ):
        assert answer(port, bad).status_code == 401
    # Envoy answers a token for somebody else with 403.
    assert answer(port, token(aud="other")).status_code == 403


def test_either_of_two_issuers(ports: Mapping[str, int]) -> None:
    port = ports["two issuers"]
    assert answer(port).status_code == 200
    assert answer(port, token()).status_code == 200
    assert answer(port, token(SECOND, iss="two")).status_code == 200
    assert answer(port, token(FIRST, iss="two")).status_code == 401
    assert answer(port, token(iss="three")).status_code == 401


def test_the_places_a_token_may_stand_in(ports: Mapping[str, int]) -> None:
    port, bad = ports["places"], token(exp=NOW - 600)
    for good, text in ((True, token()), (False, bad)):
        wanted = 200 if good else 401
        assert answer(port, **{"x-t": f"T {text}"}).status_code == wanted
        assert answer(port, path=f"/?t={text}").status_code == wanted
        assert answer(port, cookie=f"c={text}").status_code == wanted
    # Elsewhere nobody looks for it.
    assert answer(port, bad).status_code == 200


def test_what_the_application_is_told(ports: Mapping[str, int]) -> None:
    text = token()
    told = answer(ports["told"], text, **{"x-org": "forged"}).json()
    assert told["authorization"] == f"Bearer {text}"
    payload = told["x-payload"]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == "alice"
    assert (told["x-org"], told["x-admin"]) == ("acme", "true")
    assert "authorization" not in answer(ports["not told"], text).json()


def test_keys_that_could_not_be_fetched_let_no_token_pass(ports: Mapping[str, int]) -> None:
    port = ports["keys not fetched"]
    assert answer(port).status_code == 200
    assert answer(port, token()).status_code == 401
    assert answer(ports["keys fetched"], token(SECOND, iss="two")).status_code == 200
