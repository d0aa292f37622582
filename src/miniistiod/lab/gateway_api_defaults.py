"""Documents of the Gateway API → the same with what an API server fills in by the defaults of their CRDs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from miniistiod.api.kinds import GATEWAY_API

Document = dict[str, Any]
Defaults = Mapping[str, Any]

PATH = {"type": "PathPrefix", "value": "/"}
PARENT: Defaults = {"parentRefs[].group": GATEWAY_API, "parentRefs[].kind": "Gateway"}
BACKEND: Defaults = {"backendRefs[].group": "", "backendRefs[].kind": "Service", "backendRefs[].weight": 1}
MIRROR: Defaults = {
    "filters[].requestMirror.backendRef.group": "",
    "filters[].requestMirror.backendRef.kind": "Service",
    "filters[].requestMirror.fraction.denominator": 100,
}
FILTERS: Defaults = {
    **MIRROR,
    "filters[].requestRedirect.statusCode": 302,
    "filters[].cors.maxAge": 5,
    "filters[].externalAuth.backendRef.group": "",
    "filters[].externalAuth.backendRef.kind": "Service",
}
SESSION: Defaults = {
    "sessionPersistence.type": "Cookie",
    "sessionPersistence.cookieConfig.lifetimeType": "Session",
}


def below(prefix: str, *groups: Defaults) -> Defaults:
    """Defaults of what stands under a path."""
    return {f"{prefix}.{path}": value for group in groups for path, value in group.items()}


DEFAULTS: Mapping[str, Defaults] = {
    "Gateway": {
        "addresses[].type": "IPAddress",
        "allowedListeners.namespaces": {"from": "None"},
        "allowedListeners.namespaces.from": "None",
        "listeners[].allowedRoutes": {"namespaces": {"from": "Same"}},
        "listeners[].allowedRoutes.namespaces": {"from": "Same"},
        "listeners[].allowedRoutes.namespaces.from": "Same",
        "listeners[].allowedRoutes.kinds[].group": GATEWAY_API,
        "listeners[].tls.mode": "Terminate",
        "listeners[].tls.certificateRefs[].group": "",
        "listeners[].tls.certificateRefs[].kind": "Secret",
        "tls.backend.clientCertificateRef.group": "",
        "tls.backend.clientCertificateRef.kind": "Secret",
        "tls.frontend.default.validation.mode": "AllowValidOnly",
        "tls.frontend.perPort[].tls.validation.mode": "AllowValidOnly",
    },
    "HTTPRoute": {
        **PARENT,
        "rules": [{"matches": [{"path": PATH}]}],
        "rules[].matches": [{"path": PATH}],
        "rules[].matches[].path": PATH,
        "rules[].matches[].path.type": "PathPrefix",
        "rules[].matches[].path.value": "/",
        "rules[].matches[].headers[].type": "Exact",
        "rules[].matches[].queryParams[].type": "Exact",
        **below("rules[]", BACKEND, FILTERS, SESSION),
        **below("rules[].backendRefs[]", FILTERS),
    },
    "GRPCRoute": {
        **PARENT,
        "rules[].matches[].headers[].type": "Exact",
        "rules[].matches[].method.type": "Exact",
        **below("rules[]", BACKEND, MIRROR, SESSION),
        **below("rules[].backendRefs[]", MIRROR),
    },
    "TCPRoute": {**PARENT, **below("rules[]", BACKEND)},
    "TLSRoute": {**PARENT, **below("rules[]", BACKEND)},
}
"""Kind → field of its spec → what it is when it is not there. An outer field stands before its inner ones."""


def defaulted(document: Document) -> Document:
    """The document with its defaults; itself when its kind has none."""
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    defaults = DEFAULTS.get(document["kind"]) if group == GATEWAY_API else None
    if defaults is None or not isinstance(document.get("spec"), dict):
        return document
    spec = copy.deepcopy(document["spec"])
    for path, value in defaults.items():
        outer, _, name = path.rpartition(".")
        for place in places(spec, outer):
            place.setdefault(name, copy.deepcopy(value))
    return {**document, "spec": spec}


def places(within: Any, path: str) -> Iterator[Document]:
    """All that stands under a path, as far as it is there."""
    if not path:
        if isinstance(within, dict):
            yield within
        return
    step, _, rest = path.partition(".")
    name = step.removesuffix("[]")
    found = within.get(name) if isinstance(within, dict) else None
    for each in (found if isinstance(found, list) else ()) if step.endswith("[]") else (found,):
        yield from places(each, rest)
