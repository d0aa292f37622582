"""HTTPRoutes on a real Envoy: the ideas of the upstream conformance suite, one case each in http_routes.yaml.

Left out are upstream's tests of what needs a cluster (generations of objects, Deployments that a Gateway
makes), of what istiod does not serve (redirects and rewrites of one backend), and of statuses alone, which
are in tests/mesh/test_gateway_api_status.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("httpbin", "gateways", "gateway-api")

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "http_routes.yaml").read_text())


def routes(case: dict[str, Any]) -> Iterator[str]:
    """The HTTPRoutes of a case."""
    for number, spec in enumerate(case.get("specs") or [case["spec"]]):
        defaults = {"parentRefs": [{"name": "front"}], "hostnames": [host(case)]}
        name = f"{case['name']}-{number}"
        yield yaml.safe_dump(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": name, "namespace": case.get("namespace", "default")},
                "spec": {**defaults, **spec},
            }
        )


def host(case: dict[str, Any]) -> str:
    return f"{case['name']}.example.net"


@pytest.fixture(scope="module")
def routed(lab: LiveLab) -> Iterator[LiveLab]:
    """The lab with the backends and the routes of all cases."""
    with lab.rules(HERE / "backends.yaml"):
        lab.outside.settled(lambda _: None)
        with lab.rules(*(route for case in CASES for route in routes(case))):
            yield lab


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(routed: LiveLab, case: dict[str, Any]) -> None:
    visitor = routed.caller("visitor", "outside")
    for request in case["requests"]:
        url = f"http://{host(case)}:{request.get('port', 80)}{request['path']}"
        (reply,) = visitor.send(url, method=request.get("method", "GET"), headers=request.get("headers", {}))
        assert answered(request, reply) == expected(request), (request, reply)


def expected(request: dict[str, Any]) -> dict[str, Any]:
    """What the case says, in the form of `answered`."""
    known = {key: request[key] for key in ("backend", "seen", "location", "answer") if key in request}
    return {"status": request.get("status", 200), **known}


def answered(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """What there is to say of the reply, as far as the case asks for it."""
    found: dict[str, Any] = {"status": reply.status}
    if "location" in request:
        found["location"] = reply.headers.get("location")
    if "answer" in request:
        found["answer"] = {name: reply.headers.get(name) for name in request["answer"]}
    if "backend" in request:
        found["backend"] = json.loads(reply.body or "{}").get("hostname")
    if "seen" in request:
        seen = json.loads(reply.body)
        found["seen"] = told(seen, request["seen"])
    return found


def told(seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What the backend saw, as far as it is asked for."""
    path = "/" + seen["url"].partition("://")[2].partition("/")[2]
    headers = {name: seen["headers"].get(name) for name in wanted.get("headers", {})}
    return {key: {"path": path, "headers": headers}[key] for key in wanted}
