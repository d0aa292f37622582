"""What a route does to a request and its reply: rewrite, redirect, direct response, headers, CORS."""

from __future__ import annotations

from typing import Any

import pytest

from integration.traffic.rules import WEB, routes, subsets
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("traffic")

TO_WEB = "route: [{destination: {host: web}}]"


def one(lab: LiveLab, rule: str, path: str = "/anything", **order: Any) -> Reply:
    """The reply to one request under one rule."""
    with lab.rules(routes(f"- {rule}")):
        (reply,) = lab.client.send(WEB + path, **order)
    return reply


REWRITES = {
    "a prefix": ("{uri: {prefix: /old}}", "{uri: /anything}", "/old/b?c=d", "/anything/b?c=d"),
    "a prefix with its slash": ("{uri: {prefix: /old/}}", "{uri: /anything/}", "/old/b", "/anything/b"),
    "a prefix by nothing": ("{uri: {prefix: /old/}}", "{uri: /}", "/old/anything", "/anything"),
    "an exact path": ("{uri: {exact: /old}}", "{uri: /anything/new}", "/old?a=b", "/anything/new?a=b"),
    "by an expression": (
        "{uri: {prefix: /old}}",
        r"{uriRegexRewrite: {match: '^/old/([^/]+)/(.*)$', rewrite: '/anything/\2/\1'}}",
        "/old/a/b/c?d",
        "/anything/b/c/a?d",
    ),
}


@pytest.mark.parametrize(("match", "rewrite", "asked", "served"), REWRITES.values(), ids=REWRITES)
def test_the_server_sees_the_rewritten_path(
    lab: LiveLab, match: str, rewrite: str, asked: str, served: str
) -> None:
    reply = one(lab, f"match: [{match}]\n  rewrite: {rewrite}\n  {TO_WEB}", asked)
    url = reply.json()["url"]
    assert (reply.status, url.partition("//")[2].partition("/")[2]) == (200, served.removeprefix("/"))


def test_the_server_sees_the_rewritten_authority(lab: LiveLab) -> None:
    reply = one(lab, f"rewrite: {{authority: elsewhere.test}}\n  {TO_WEB}", "/headers")
    assert reply.json()["headers"]["host"] == "elsewhere.test"


REDIRECTS = {
    "a path": ("{uri: /new}", 301, "http://web:8000/new?a=b"),
    "an authority": ("{authority: elsewhere.test}", 301, "http://elsewhere.test/old?a=b"),
    "a code": ("{uri: /new, redirectCode: 308}", 308, "http://web:8000/new?a=b"),
    "a scheme": ("{scheme: https, authority: web}", 301, "https://web/old?a=b"),
    "a port": ("{authority: web, port: 8443, scheme: https}", 301, "https://web:8443/old?a=b"),
}


@pytest.mark.parametrize(("redirect", "status", "location"), REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_says_where_to(lab: LiveLab, redirect: str, status: int, location: str) -> None:
    reply = one(lab, f"redirect: {redirect}", "/old?a=b")
    assert (reply.status, reply.headers["location"]) == (status, location)


def test_a_direct_response_reaches_no_server(lab: LiveLab) -> None:
    servers = [lab.app(f"web-{version}") for version in ("v1", "v2", "v3")]
    for server in servers:
        server.clear()
    text = one(lab, "directResponse: {status: 503, body: {string: 'gone fishing'}}")
    data = one(
        lab, "directResponse: {status: 200, body: {bytes: aGVsbG8=}}\n  headers: {response: {set: {a: b}}}"
    )
    assert (text.status, text.body) == (503, "gone fishing")
    assert (data.status, data.body, data.headers["a"]) == (200, "hello", "b")
    assert [server.count for server in servers] == [0, 0, 0]


def test_headers_of_the_request_are_set_added_and_removed(lab: LiveLab) -> None:
    rule = "headers: {request: {set: {x-set: new}, add: {x-add: more, x-new: fresh}, remove: [x-gone]}}"
    sent = {"x-set": "old", "x-add": "first", "x-gone": "here", "x-kept": "yes"}
    seen = one(lab, f"{rule}\n  {TO_WEB}", "/headers", headers=sent).json()["headers"]
    assert {name: seen.get(name) for name in (*sent, "x-new")} == {
        "x-set": "new",
        "x-add": "first, more",
        "x-gone": None,
        "x-kept": "yes",
        "x-new": "fresh",
    }


def test_headers_of_the_reply_are_set_added_and_removed(lab: LiveLab) -> None:
    rule = "headers: {response: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}}"
    path = "/response-headers?x-set=old&x-add=first&x-gone=here&x-kept=yes"
    seen = one(lab, f"{rule}\n  {TO_WEB}", path).headers
    assert {name: seen.get(name) for name in ("x-set", "x-add", "x-gone", "x-kept")} == {
        "x-set": "new",
        "x-add": "first, more",
        "x-gone": None,
        "x-kept": "yes",
    }


def test_headers_of_one_destination_are_only_its_own(lab: LiveLab) -> None:
    rule = """
- route:
  - {destination: {host: web, subset: v1}, weight: 50, headers: {request: {set: {x-to: first}}}}
  - {destination: {host: web, subset: v2}, weight: 50, headers: {response: {set: {x-from: second}}}}
"""
    with lab.rules(subsets(), routes(rule)):
        replies = lab.client.send(f"{WEB}/anything", count=60)
    seen = {(r.json()["hostname"], r.json()["headers"].get("x-to"), r.headers.get("x-from")) for r in replies}
    assert seen == {("web-v1", "first", None), ("web-v2", None, "second")}


def test_the_host_header_is_set_by_header_operations_too(lab: LiveLab) -> None:
    reply = one(lab, f"headers: {{request: {{set: {{Host: elsewhere.test}}}}}}\n  {TO_WEB}", "/headers")
    assert reply.json()["headers"]["host"] == "elsewhere.test"


CORS = (
    "corsPolicy: {allowOrigins: [{exact: 'https://a.test'}, {prefix: 'https://b.'}, {regex: 'https://c[0-9]+.test'}],"
    " allowMethods: [GET, PUT], allowHeaders: [x-a, x-b], exposeHeaders: [x-c],"
    " maxAge: 2m,"
    f" allowCredentials: true}}\n  {TO_WEB}"
)


@pytest.mark.parametrize("origin", ["https://a.test", "https://b.example", "https://c12.test"])
def test_a_preflight_of_an_allowed_origin_is_answered_by_the_proxy(lab: LiveLab, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "PUT"}
    reply = one(lab, CORS, method="OPTIONS", headers=asked)
    allowed = {
        name.removeprefix("access-control-"): value
        for name, value in reply.headers.items()
        if name.startswith("access-control-")
    }
    assert reply.status == 200
    assert reply.body == ""
    assert allowed == {
        "allow-origin": origin,
        "allow-methods": "GET,PUT",
        "allow-headers": "x-a,x-b",
        "expose-headers": "x-c",
        "max-age": "120",
        "allow-credentials": "true",
    }


def test_a_request_of_an_allowed_origin_is_served_and_marked(lab: LiveLab) -> None:
    reply = one(lab, CORS, headers={"origin": "https://a.test"})
    assert reply.json()["method"] == "GET"
    assert reply.headers["access-control-allow-origin"] == "https://a.test"
    assert reply.headers["access-control-expose-headers"] == "x-c"


def test_a_request_of_another_origin_is_not_marked(lab: LiveLab) -> None:
    reply = one(lab, CORS, headers={"origin": "https://evil.test"})
    assert reply.status == 200
    assert not [name for name in reply.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("mode", "preflights"), [("FORWARD", True), ("IGNORE", False)])
def test_a_preflight_of_another_origin_reaches_the_server_if_the_rule_says_so(
    lab: LiveLab, mode: str, preflights: bool
) -> None:
    policy = f"{{allowOrigins: [{{exact: 'https://a.test'}}], unmatchedPreflights: {mode}}}"
    asked = {"origin": "https://evil.test", "access-control-request-method": "PUT"}
    reply = one(lab, f"corsPolicy: {policy}\n  {TO_WEB}", method="OPTIONS", headers=asked)
    assert (reply.status, "hostname" in reply.body) == (200, preflights)
