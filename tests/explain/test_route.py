"""Which rule takes a request, and why the others do not: hand-written expectations, with places."""

from __future__ import annotations

from typing import Any

import pytest

from miniistiod.app.routes import NoGateway, at_gateway, from_workload, written
from miniistiod.config import Store, of_text
from miniistiod.explain.judgement import Explanation
from miniistiod.explain.request import Request

BASE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: edge}
spec: {template: {metadata: {labels: {istio: front}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client, namespace: shop}
spec: {template: {metadata: {labels: {app: client}}}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: edge}
spec: {selector: {istio: front}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"]}]}
---
"""  # noqa: E501


def rules(name: str, host: str, http: str, gateways: str = "edge/front") -> str:
    """A VirtualService of namespace shop."""
    head = "apiVersion: networking.istio.io/v1\nkind: VirtualService"
    meta = f"metadata: {{name: {name}, namespace: shop}}"
    return f"{head}\n{meta}\nspec:\n  hosts: [{host!r}]\n  gateways: [{gateways}]\n  http:\n{http}\n---\n"


def answer(status: int, match: str = "") -> str:
    """One rule that answers by itself, on one line."""
    return f"  - {{{f'match: [{match}], ' if match else ''}directResponse: {{status: {status}}}}}\n"


def asked(store: Store, host: str, target: str = "/", **more: Any) -> Explanation:
    return at_gateway(store, "front", Request(host, target, **more))


def whys(found: Explanation) -> dict[str, tuple[str, ...]]:
    """Document and field → reasons."""
    return {f"{each.about.name} {each.path}": each.why for each in found.passed}


def test_each_part_of_a_match_tells_what_keeps_the_request_away() -> None:
    http = (
        answer(201, "{uri: {prefix: /a}}")
        + answer(202, "{method: {exact: POST}}")
        + answer(203, "{headers: {x-a: {exact: one}}, queryParams: {q: {exact: two}}}")
        + answer(204, "{withoutHeaders: {x-b: {exact: b}}, uri: {regex: '/b+'}}")
        + answer(205)
    )
    store = of_text(BASE + rules("web", "a.example.com", http))
    found = asked(store, "a.example.com", "/bb?q=1", headers={"x-a": "two", "x-b": "b"})
    assert found.outcome == "answered by the proxy: 205"
    assert whys(found) == {
        "web spec.http[0].match[0]": ("the path is /bb, not prefix /a",),
        "web spec.http[1].match[0]": ("the method is GET, not exact POST",),
        "web spec.http[2].match[0]": (
            "header x-a is two, not exact one",
            "query parameter q is 1, not exact two",
        ),
        "web spec.http[3].match[0]": ("header x-b is b, which it must not be",),
    }
    assert asked(store, "a.example.com", "/bb").outcome == "answered by the proxy: 204"
    assert asked(store, "a.example.com", "/bbc").outcome == "answered by the proxy: 205"


def test_rules_have_their_places() -> None:
    text = BASE + rules("web", "a.example.com", answer(201, "{uri: {exact: /x}}") + answer(202))
    store = of_text(text, "rules.yaml")
    taken = asked(store, "a.example.com").taken
    assert taken is not None
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "status: 202" in row)
    assert written(store, taken).place.line == line
    assert written(store, taken).name == "VirtualService shop/web spec.http[1]"


def test_the_narrowest_host_decides_even_when_no_rule_of_it_does() -> None:
    wide = rules("wide", "*.example.com", answer(201))
    narrow = rules("narrow", "a.example.com", answer(202, "{uri: {exact: /only}}"))
    store = of_text(BASE + wide + narrow)
    assert asked(store, "b.example.com").outcome == "answered by the proxy: 201"
    found = asked(store, "a.example.com")
    assert (found.outcome, found.taken) == ("404: no rule of this host takes it", None)
    assert "wide spec.hosts" in whys(found)


def test_a_rule_of_the_mesh_only_is_said_to_be_so() -> None:
    store = of_text(BASE + rules("web", "a.example.com", answer(201), "mesh"))
    found = asked(store, "a.example.com")
    assert found.outcome == "404: no rule of this gateway is for this host"
    assert whys(found) == {"web spec.gateways": ("it is bound to mesh only",)}


def test_a_catch_all_of_an_older_rule_comes_after_the_matches_of_a_younger_one() -> None:
    old = rules("a", "a.example.com", answer(201))
    young = rules("b", "a.example.com", answer(202, "{uri: {prefix: /b}}"))
    store = of_text(BASE + old + young)
    assert asked(store, "a.example.com", "/b").outcome == "answered by the proxy: 202"
    assert asked(store, "a.example.com", "/").outcome == "answered by the proxy: 201"


def test_a_delegates_rule_stands_in_the_delegate() -> None:
    root = rules("root", "a.example.com", "  - {match: [{uri: {prefix: /t}}], delegate: {name: team}}\n")
    delegate = (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: team, namespace: shop}\n"
        f"spec:\n  http:\n{answer(201, '{uri: {prefix: /other}}')}{answer(202, '{uri: {prefix: /t/x}}')}"
    )
    found = asked(of_text(BASE + root + delegate), "a.example.com", "/t/x/y")
    assert found.taken is not None
    assert (found.taken.about.name, found.taken.path) == ("team", "spec.http[1].match[0]")


def test_a_redirecting_server_decides_before_all_rules() -> None:
    text = BASE.replace('hosts: ["*.example.com"]', 'hosts: ["*.example.com"], tls: {httpsRedirect: true}')
    found = asked(of_text(text + rules("web", "a.example.com", answer(201))), "a.example.com")
    assert found.outcome.startswith("301")


def test_a_sidecar_obeys_the_rules_of_the_service() -> None:
    http = (
        answer(201, "{sourceLabels: {app: other}}")
        + answer(202, "{gateways: [edge/front]}")
        + ("  - {route: [{destination: {host: web, subset: v2}}]}\n")
    )
    store = of_text(BASE + rules("web", "web", http, "mesh, edge/front"))
    found = from_workload(store, "client", Request("web", "/"))
    assert found.outcome == "to web.shop.svc.cluster.local subset v2"
    assert whys(found) == {
        "web spec.http[0].match[0]": ("the client has no label app=other",),
        "web spec.http[1].match[0]": ("it is for edge/front only",),
    }


def test_a_service_without_rules_is_reached_itself() -> None:
    found = from_workload(of_text(BASE), "client.shop", Request("web.shop"))
    assert found.outcome == "no rule: to the service itself, web.shop.svc.cluster.local:80"


def edge(name: str, *servers: str) -> str:
    """A Gateway beside the first one, on the same router."""
    head = "apiVersion: networking.istio.io/v1\nkind: Gateway"
    spec = f"{{selector: {{istio: front}}, servers: [{', '.join(servers)}]}}"
    return f"{head}\nmetadata: {{name: {name}, namespace: edge}}\nspec: {spec}\n---\n"


def below(name: str, host: str, spec: str) -> str:
    """A VirtualService with rules below HTTP."""
    head = "apiVersion: networking.istio.io/v1\nkind: VirtualService"
    spec = f"{{hosts: ['{host}'], gateways: [edge/{name}], {spec}}}"
    return f"{head}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"


TO = "route: [{destination: {host: web.shop.svc.cluster.local, port: {number: 80}}}]"
HTTPS = "{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['s.example.com'], "
LET_THROUGH = "{port: {number: 443, name: tls, protocol: TLS}, hosts: ['t.example.com', 'u.example.com'], "
BYTES = "{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}"


def test_a_gateway_with_https_only_is_asked_over_https() -> None:
    given = edge("secure", HTTPS + "tls: {mode: SIMPLE, credentialName: c}}")
    store = of_text(BASE + given + rules("s", "s.example.com", answer(201), "edge/secure"))
    assert at_gateway(store, "secure", Request("s.example.com")).outcome == "answered by the proxy: 201"
    stranger = at_gateway(store, "secure", Request("x.example.com"))
    assert stranger.outcome == "no TLS: no server of this gateway is for this name"
    assert whys(stranger) == {"s spec.hosts": ("its hosts are s.example.com",)}
    plain = at_gateway(store, "front", Request("s.example.com"))
    assert whys(plain) == {
        "s spec.hosts": ("its Gateway has no HTTP server that lets this host in from its namespace",)
    }


def test_a_port_that_a_gateway_has_not_is_no_question() -> None:
    with pytest.raises(NoGateway, match="no server on port 443; it has 80"):
        at_gateway(of_text(BASE), "front", Request("s.example.com", port=443))


def test_tls_that_passes_through_is_led_by_its_name() -> None:
    tls = (
        f"tls: [{{match: [{{port: 443, sniHosts: [u.example.com]}}], {TO}}},"
        f" {{match: [{{port: 444, sniHosts: [t.example.com]}}, {{sniHosts: [t.example.com]}}], {TO}}}]"
    )
    given = edge("through", LET_THROUGH + "tls: {mode: PASSTHROUGH}}")
    store = of_text(BASE + given + below("through", "*.example.com", tls))
    found = at_gateway(store, "through", Request("t.example.com"))
    assert found.outcome == "TLS passes through unopened to web.shop.svc.cluster.local:80"
    assert [each.path for each in (found.taken,) if each] == ["spec.tls[1].match[1]"]
    assert whys(found) == {
        "through spec.tls[0].match[0]": ("its sniHosts are u.example.com",),
        "through spec.tls[1].match[0]": ("the port is 443, not 444",),
    }
    stranger = at_gateway(store, "through", Request("x.example.com"))
    assert stranger.outcome == "the connection is closed: no rule takes it"
    assert whys(stranger) == {"through spec.servers": ("its hosts are t.example.com, u.example.com",)}


def test_bytes_are_led_by_their_port() -> None:
    tcp = f"tcp: [{{match: [{{port: 9001}}], {TO}}}, {{{TO}}}]"
    store = of_text(BASE + edge("bytes", BYTES) + below("bytes", "*", tcp))
    found = at_gateway(store, "bytes", Request("any.example.com"))
    assert found.outcome == "its bytes go to web.shop.svc.cluster.local:80"
    assert [each.path for each in (found.taken,) if each] == ["spec.tcp[1]"]
    assert whys(found) == {"bytes spec.tcp[0].match[0]": ("the port is 9000, not 9001",)}


def test_rules_bound_to_other_gateways_of_the_router_are_no_noise() -> None:
    other = edge("other", "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.example.org']}")
    store = of_text(BASE + other + rules("far", "a.example.org", answer(202), "edge/other"))
    assert asked(store, "a.example.com").passed == ()
