"""What an API server fills in for the Gateway API: the lab writes it too."""

from __future__ import annotations

from typing import Any

import yaml
from google.protobuf.json_format import MessageToDict

from miniistiod.config import of_text
from miniistiod.lab.gateway_api_defaults import defaulted
from miniistiod.mesh.gateway_api import with_gateway_api
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.snapshot import snapshot

API = "gateway.networking.k8s.io/v1"
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: front-istio, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.2, ports: [{name: http, port: 80}]}
"""


def document(kind: str, spec: str, name: str = "front") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": "2024-01-01T00:00:00Z"}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)}


GATEWAY = document(
    "Gateway",
    """
gatewayClassName: istio
listeners:
- {name: http, port: 80, protocol: HTTP}
- {name: kinds, port: 81, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}
- {name: tls, port: 443, protocol: TLS, tls: {certificateRefs: [{name: cert}]}}
tls: {frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}}}
""",
)
SEVERAL_ADDRESSES = document(
    "Gateway",
    "{gatewayClassName: istio, addresses: [{value: a}, {value: b}], "
    "listeners: [{name: a, port: 80, protocol: HTTP}]}",
    "addresses",
)
ROUTES = [
    document("HTTPRoute", "{parentRefs: [{name: front}]}", "no-rules"),
    document(
        "HTTPRoute",
        "{parentRefs: [{name: front}], rules: [{backendRefs: [{name: web, port: 80}]}]}",
        "no-match",
    ),
    document(
        "HTTPRoute",
        """
parentRefs: [{name: front, sectionName: kinds}]
rules:
- matches: [{headers: [{name: a, value: b}], queryParams: [{name: a, value: b}]}, {path: {value: /a}},
    {path: {type: Exact}}]
  filters:
  - {type: CORS, cors: {allowOrigins: ["https://a.org"]}}
  - {type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}, fraction: {numerator: 5}}}
  backendRefs: [{name: web, port: 80}, {name: web, port: 80, weight: 3}]
""",
        "all",
    ),
]


def meaning(documents: list[dict[str, Any]]) -> Any:
    """What these documents come to: the objects of Istio they stand for, and every status."""
    store = of_text("\n---\n".join([SERVICES, *map(yaml.safe_dump, documents)]))
    assert not [found.text() for found in store.diagnostics]
    mesh = snapshot(store)
    made = with_gateway_api(store.kinds, mesh.services, mesh.settings.domain)
    objects = [
        (each.key, MessageToDict(each.message))
        for kind in ("Gateway", "VirtualService")
        for each in made.get(kind, ())
    ]
    return objects, statuses(store.kinds, mesh)


def test_a_default_means_the_same_whether_it_is_written_or_not() -> None:
    documents = [GATEWAY, SEVERAL_ADDRESSES, *ROUTES]
    filled = [defaulted(each) for each in documents]
    assert all(before != after for before, after in zip(documents, filled, strict=True))
    objects, told = meaning(filled)
    assert len(objects) == 5
    assert (objects, told) == meaning(documents)


def test_what_is_written_stays() -> None:
    parent, backend = "{name: s, kind: Service, group: ''}", "{name: web, weight: 0}"
    spec = f"{{parentRefs: [{parent}], rules: [{{backendRefs: [{backend}]}}]}}"
    after = defaulted(document("HTTPRoute", spec))["spec"]
    assert after["parentRefs"] == [{"name": "s", "kind": "Service", "group": ""}]
    assert after["rules"][0]["backendRefs"] == [{"name": "web", "weight": 0, "group": "", "kind": "Service"}]


def test_a_redirect_is_found_as_an_api_server_has_it() -> None:
    """Without an API server Istio's own default holds, which is 301."""
    spec = "{rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}]}"
    (rule,) = defaulted(document("HTTPRoute", spec))["spec"]["rules"]
    assert rule["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 302}
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]


def test_other_kinds_and_strange_documents_are_left_alone() -> None:
    own = {**document("Gateway", "{servers: []}"), "apiVersion": "networking.istio.io/v1"}
    strange = document("HTTPRoute", "{rules: 7, parentRefs: [x]}")
    assert defaulted(own) is own
    assert defaulted(strange)["spec"] == {"rules": 7, "parentRefs": ["x"]}
