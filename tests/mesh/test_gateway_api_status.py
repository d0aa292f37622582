"""The status of Gateway API objects, after the ideas of the upstream conformance suite."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from miniistiod.ca import authority, certificates, keys
from miniistiod.config import of_text
from miniistiod.mesh.gateway_api import API_GATEWAY
from miniistiod.mesh.gateway_api_status import statuses
from miniistiod.mesh.snapshot import snapshot

API = "apiVersion: gateway.networking.k8s.io/v1\n"
ROUTER = """
apiVersion: v1
kind: Service
metadata: {name: front-istio, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {app: front}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: shop, labels: {app: front}}
status: {podIP: 10.1.0.1, phase: Running, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.2, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: other}
spec: {clusterIP: 10.0.0.3, ports: [{name: http, port: 80}]}
"""


def gateway(*listeners: str, more: str = "") -> str:
    """A Gateway with these listeners."""
    spec = f"{{gatewayClassName: istio, listeners: [{', '.join(listeners)}]{more}}}"
    return f"{API}kind: Gateway\nmetadata: {{name: front, namespace: shop}}\nspec: {spec}\n"


HTTP = "{name: http, port: 80, protocol: HTTP, hostname: '*.example.com'}"


def route(spec: str, namespace: str = "shop", backend: str = "{name: web, port: 80}") -> str:
    """An HTTPRoute with these fields beside its rule."""
    rules = f"rules: [{{matches: [{{path: {{type: PathPrefix, value: /}}}}], backendRefs: [{backend}]}}]"
    return f"{API}kind: HTTPRoute\nmetadata: {{name: r, namespace: {namespace}}}\nspec: {{{spec}, {rules}}}\n"


PARENT = "parentRefs: [{name: front, namespace: shop}]"


def told(*texts: str) -> dict[tuple[str, str, str], Any]:
    """All statuses of these documents."""
    store = of_text("\n---\n".join([ROUTER, *texts]))
    return statuses(store.kinds, snapshot(store))


def reasons(status: Any) -> dict[str, tuple[str, str]]:
    """Type → (status, reason)."""
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def of_gateway(*texts: str) -> Any:
    return told(*texts)[(API_GATEWAY, "shop", "front")]


def of_parent(*texts: str, namespace: str = "shop") -> dict[str, tuple[str, str]]:
    """The conditions of a route's only parent."""
    (parent,) = told(*texts)[("HTTPRoute", namespace, "r")]["parents"]
    assert parent["controllerName"] == "istio.io/gateway-controller"
    return reasons(parent)


def tls_secret(name: str, namespace: str = "shop") -> str:
    """A Secret with a certificate and its key."""
    now, key = datetime.now(UTC), keys.private_key()
    issuer = authority.self_signed(now, keys.private_key())
    leaf = authority.leaf(issuer, (x509.DNSName("a.example.com"),), key.public_key(), now, timedelta(hours=1))
    data = {"tls.crt": certificates.pem_of([leaf]), "tls.key": keys.pem_of(key)}
    lines = ", ".join(f"{name}: {base64.b64encode(pem).decode()}" for name, pem in data.items())
    meta = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: v1\nkind: Secret\nmetadata: {meta}\ntype: kubernetes.io/tls\ndata: {{{lines}}}\n"


def https(reference: str) -> str:
    tls = f"tls: {{mode: Terminate, certificateRefs: [{reference}]}}"
    return f"{{name: https, port: 443, protocol: HTTPS, {tls}}}"


def grant(kind: str, target: str) -> str:
    """A ReferenceGrant of namespace other for objects of shop."""
    given = f"from: [{{group: gateway.networking.k8s.io, kind: {kind}, namespace: shop}}]"
    return (
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
        f"metadata: {{name: g, namespace: other}}\nspec: {{{given}, to: [{{group: '', kind: {target}}}]}}\n"
    )


def test_a_class_of_istio_is_accepted_and_others_are_left_alone() -> None:
    own = f"{API}kind: GatewayClass\nmetadata: {{name: istio}}\n"
    foreign = own.replace("istio}", "other}")
    found = told(
        f"{own}spec: {{controllerName: istio.io/gateway-controller}}\n",
        f"{foreign}spec: {{controllerName: example.com/other}}\n",
        gateway(HTTP).replace("gatewayClassName: istio", "gatewayClassName: other"),
    )
    assert {key: reasons(status) for key, status in found.items()} == {
        ("GatewayClass", "", "istio"): {"Accepted": ("True", "Accepted")}
    }


def test_a_gateway_with_a_router_is_programmed_and_counts_its_routes() -> None:
    status = of_gateway(gateway(HTTP), route(f"{PARENT}, hostnames: [a.example.com]"))
    assert reasons(status) == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Programmed"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
    }
    (listener,) = status["listeners"]
    assert listener["attachedRoutes"] == 1
    assert [kind["kind"] for kind in listener["supportedKinds"]] == ["HTTPRoute", "GRPCRoute"]
    assert reasons(listener) == {
        "Accepted": ("True", "Accepted"),
        "Conflicted": ("False", "NoConflicts"),
        "Programmed": ("True", "Programmed"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
    }
    assert status["addresses"] == [{"type": "Hostname", "value": "front-istio.shop.svc.cluster.local"}]


@pytest.mark.parametrize(
    ("more", "port", "reason"),
    [
        ("", 81, "AddressNotUsable"),
        ("", 8080, "AddressNotUsable"),
        (", addresses: [{type: Hostname, value: nobody}]", 80, "AddressNotUsable"),
        (", addresses: [{type: Hostname, value: web}]", 80, "AddressNotAssigned"),
        (", addresses: [{type: example.com/own, value: x}]", 80, "UnsupportedAddress"),
    ],
)
def test_a_gateway_that_nobody_serves_is_not_programmed(more: str, port: int, reason: str) -> None:
    status = of_gateway(gateway(HTTP.replace("80", str(port)), more=more))
    assert reasons(status)["Programmed"] == ("False", reason)
    assert "addresses" not in status


def test_a_target_port_in_the_place_of_the_services_port_is_explained() -> None:
    (programmed,) = (
        c for c in of_gateway(gateway(HTTP.replace("80", "8080")))["conditions"] if c["type"] == "Programmed"
    )
    assert "write the Service's port 80" in programmed["message"]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("{name: b, port: 80, protocol: HTTP, hostname: '*.example.com'}", "HostnameConflict"),
        ("{name: b, port: 80, protocol: TCP}", "ProtocolConflict"),
    ],
)
def test_the_later_of_two_listeners_that_conflict_is_refused(second: str, reason: str) -> None:
    status = of_gateway(gateway(HTTP, second))
    assert reasons(status)["Accepted"] == ("True", "ListenersNotValid")
    assert reasons(status["listeners"][1]) == {
        "Accepted": ("False", reason),
        "Programmed": ("False", reason),
        "Conflicted": ("True", reason),
    }
    assert reasons(status["listeners"][0])["Conflicted"] == ("False", "NoConflicts")


def test_certificates_that_cannot_be_used() -> None:
    good, broken = tls_secret("good"), tls_secret("broken").replace("LS0tLS1CRUdJTi", "LS0tLS1CRUdJT2")
    expected = {
        "{name: good}": ("True", "ResolvedRefs"),
        "{name: broken}": ("False", "InvalidCertificateRef"),
        "{name: missing}": ("False", "InvalidCertificateRef"),
        "{name: good, kind: ConfigMap}": ("False", "InvalidCertificateRef"),
        "{name: far, namespace: other}": ("False", "RefNotPermitted"),
    }
    for reference, verdict in expected.items():
        status = of_gateway(gateway(https(reference)), good, broken, tls_secret("far", "other"))
        (listener,) = status["listeners"]
        assert reasons(listener)["ResolvedRefs"] == verdict, reference
        works = verdict[0] == "True"
        assert reasons(listener)["Programmed"] == (("True", "Programmed") if works else ("False", "Invalid"))
        assert reasons(status)["Accepted"] == (
            ("True", "Accepted") if works else ("False", "ListenersNotValid")
        )


def test_a_grant_opens_a_certificate_of_another_namespace() -> None:
    texts = (
        gateway(https("{name: far, namespace: other}")),
        tls_secret("far", "other"),
        grant("Gateway", "Secret"),
    )
    (listener,) = of_gateway(*texts)["listeners"]
    assert reasons(listener)["ResolvedRefs"] == ("True", "ResolvedRefs")


def test_protocols_and_kinds_that_are_not_supported() -> None:
    udp = "{name: udp, port: 53, protocol: UDP}"
    kinds = HTTP.replace("}", ", allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: UDPRoute}]}}")
    first, second = of_gateway(gateway(udp, kinds))["listeners"]
    assert reasons(first)["Accepted"] == ("False", "UnsupportedProtocol")
    assert reasons(second)["ResolvedRefs"] == ("False", "InvalidRouteKinds")
    assert [kind["kind"] for kind in second["supportedKinds"]] == ["HTTPRoute"]


@pytest.mark.parametrize(
    ("spec", "namespace", "reason"),
    [
        (f"{PARENT}, hostnames: [a.example.com]", "shop", "Accepted"),
        (f"{PARENT}, hostnames: [a.example.org]", "shop", "NoMatchingListenerHostname"),
        (f"{PARENT}, hostnames: [a.example.com]", "other", "NotAllowedByListeners"),
        ("parentRefs: [{name: front, sectionName: https}]", "shop", "NoMatchingParent"),
        ("parentRefs: [{name: front, port: 81}]", "shop", "NoMatchingParent"),
        ("parentRefs: [{group: '', kind: Service, name: web}]", "shop", "Accepted"),
        ("parentRefs: [{group: '', kind: Service, name: nobody}]", "shop", "NoMatchingParent"),
    ],
)
def test_who_takes_a_route(spec: str, namespace: str, reason: str) -> None:
    found = of_parent(gateway(HTTP), route(spec, namespace), namespace=namespace)
    assert found["Accepted"] == ("True" if reason == "Accepted" else "False", reason)


def test_a_route_is_accepted_when_one_listener_takes_it() -> None:
    other = "{name: other, port: 80, protocol: HTTP, hostname: other.example.org}"
    found = of_parent(gateway(other, HTTP), route(f"{PARENT}, hostnames: [a.example.com]"))
    assert found["Accepted"] == ("True", "Accepted")


def test_a_gateway_that_is_not_there_says_nothing() -> None:
    assert told(route(PARENT))[("HTTPRoute", "shop", "r")] == {"parents": []}


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("{name: web, port: 80}", "ResolvedRefs"),
        ("{name: nobody, port: 80}", "BackendNotFound"),
        ("{name: web, namespace: other, port: 80}", "RefNotPermitted"),
        ("{name: web, port: 80, group: example.com, kind: Bucket}", "InvalidKind"),
        ("{name: web.shop.svc.cluster.local, port: 80}", "InvalidDestination"),
    ],
)
def test_backends_that_cannot_be_used(backend: str, reason: str) -> None:
    found = of_parent(gateway(HTTP), route(PARENT, backend=backend))
    assert found["ResolvedRefs"] == ("True" if reason == "ResolvedRefs" else "False", reason)
    assert found["Accepted"] == ("True", "Accepted")


def test_a_grant_opens_a_backend_of_another_namespace() -> None:
    backend = "{name: web, namespace: other, port: 80}"
    found = of_parent(gateway(HTTP), route(PARENT, backend=backend), grant("HTTPRoute", "Service"))
    assert found["ResolvedRefs"] == ("True", "ResolvedRefs")


def test_a_host_of_a_service_entry_may_serve_a_gateway() -> None:
    entry = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [gate.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC,
  endpoints: [{address: 10.1.0.9}]}
"""
    status = of_gateway(entry, gateway(HTTP, more=", addresses: [{type: Hostname, value: gate.example.com}]"))
    assert reasons(status)["Programmed"] == ("True", "Programmed")
    assert status["addresses"] == [{"type": "Hostname", "value": "gate.example.com"}]


def parameters(kind: str, name: str) -> str:
    """A Gateway whose deployment has parameters."""
    return gateway(
        HTTP, more=f", infrastructure: {{parametersRef: {{group: '', kind: {kind}, name: {name}}}}}"
    )


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("ConfigMap", "options", "Accepted"),
        ("ConfigMap", "nobody", "InvalidParameters"),
        ("Secret", "options", "InvalidParameters"),
    ],
)
def test_parameters_are_in_a_config_map_that_is_there(kind: str, name: str, reason: str) -> None:
    given = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: options, namespace: shop}\ndata: {a: b}\n"
    status = reasons(of_gateway(given, parameters(kind, name)))
    assert status["Accepted"] == ("True" if reason == "Accepted" else "False", reason)


def annotated(annotation: str, more: str = "") -> str:
    """A Gateway with an annotation."""
    named = "{name: front, namespace: shop}"
    return gateway(HTTP, more=more).replace(
        named, f"{{name: front, namespace: shop, annotations: {{{annotation}}}}}"
    )


@pytest.mark.parametrize(
    ("annotation", "addresses"),
    [
        ("x: z", ["front-istio.shop.svc.cluster.local"]),
        ("networking.istio.io/address-type: IPAddress", ["10.0.0.1"]),
        ("networking.istio.io/address-type: ''", ["10.0.0.1", "front-istio.shop.svc.cluster.local"]),
    ],
)
def test_an_annotation_says_which_addresses_are_told(annotation: str, addresses: list[str]) -> None:
    status = of_gateway(annotated(annotation))
    assert [each["value"] for each in status["addresses"]] == addresses


def test_a_service_type_beside_addresses_is_refused() -> None:
    given = annotated(
        "networking.istio.io/service-type: ClusterIP", ", addresses: [{type: Hostname, value: front-istio}]"
    )
    found = reasons(of_gateway(given))
    assert found["Accepted"] == ("False", "DeprecatedField")
    assert found["Programmed"] == ("True", "Programmed")


def test_only_a_load_balancer_that_waits_hides_its_name() -> None:
    waiting = """
apiVersion: v1
kind: Service
metadata: {name: waiting, namespace: shop}
spec: {type: LoadBalancer, clusterIP: 10.0.0.9, selector: {app: front}, ports: [{name: http, port: 80}]}
"""
    both = ", addresses: [{type: Hostname, value: front-istio}, {type: Hostname, value: waiting}]"
    status = of_gateway(waiting, gateway(HTTP, more=both))
    assert reasons(status)["Programmed"] == ("False", "AddressNotAssigned")
    assert [each["value"] for each in status["addresses"]] == ["front-istio.shop.svc.cluster.local"]


def test_a_remote_gateway_is_accepted_and_serves_nothing() -> None:
    given = gateway(HTTP, more=", addresses: [{type: IPAddress, value: 1.2.3.4}]").replace(
        "gatewayClassName: istio", "gatewayClassName: istio-remote"
    )
    found = told(given, route(PARENT))
    status = found[(API_GATEWAY, "shop", "front")]
    assert reasons(status) == {"Accepted": ("True", "Accepted"), "Programmed": ("True", "Programmed")}
    assert status["addresses"] == [{"type": "IPAddress", "value": "1.2.3.4"}]
    assert "listeners" not in status
    assert found[("HTTPRoute", "shop", "r")] == {"parents": []}


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("GRPCRoute", "VirtualService with `http`"),
        ("TCPRoute", "VirtualService with `tcp`"),
        ("TLSRoute", "VirtualService with `tls`"),
    ],
)
def test_a_route_of_a_kind_without_effect_says_so_and_the_way_out(kind: str, remedy: str) -> None:
    own = route(PARENT).replace("kind: HTTPRoute", f"kind: {kind}")
    own = own.replace("matches: [{path: {type: PathPrefix, value: /}}], ", "")
    found = told(gateway(HTTP), own)
    (parent,) = found[(kind, "shop", "r")]["parents"]
    assert reasons(parent) == {"Accepted": ("False", "NotSupported")}
    assert remedy in parent["conditions"][0]["message"]
    assert found[(API_GATEWAY, "shop", "front")]["listeners"][0]["attachedRoutes"] == 0
