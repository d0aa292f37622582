"""Which chains virtualInbound has: the ports of services or of a Sidecar, and those of portLevelMtls."""

from __future__ import annotations

from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener

from tests.generate.test_listeners_outbound import Document, document, found, inspectors


def pod(*ports: int) -> Document:
    """The workload itself: endpoints of its services are found by it."""
    made = document("Pod", "cart-1", {"containers": [{"name": "c"}]}, "v1")
    made["metadata"]["labels"] = {"app": "cart"}
    return {**made, "status": {"podIP": "10.1.0.9", "phase": "Running"}}


def service(name: str, port: int, target: int, protocol: str, created: str = "") -> Document:
    spec = {
        "clusterIP": f"10.96.1.{port % 250}",
        "selector": {"app": "cart"},
        "ports": [{"name": f"{protocol}-{port}", "port": port, "targetPort": target}],
    }
    made = document("Service", name, spec, "v1")
    if created:
        made["metadata"]["creationTimestamp"] = created
    return made


def policy(**spec: Any) -> Document:
    spec = {"selector": {"matchLabels": {"app": "cart"}}, **spec}
    return document("PeerAuthentication", "cart", spec, "security.istio.io/v1")


def chains(listener: Listener) -> dict[int, list[tuple[str, bool]]]:
    """By port, each chain's transport protocol and whether it ends TLS."""
    by_port: dict[int, list[tuple[str, bool]]] = {}
    for chain in listener.filter_chains:
        match = chain.filter_chain_match
        entry = (match.transport_protocol, chain.HasField("transport_socket"))
        by_port.setdefault(match.destination_port.value, []).append(entry)
    return by_port


def inbound(*documents: Document, **metadata: Any) -> Listener:
    return found(pod(), *documents, app="cart", **metadata)["virtualInbound"]


TLS, TLS_PASSED, PLAIN = ("tls", True), ("tls", False), ("raw_buffer", False)


def test_a_permissive_http_port_takes_mutual_tls_and_plain_text() -> None:
    assert chains(inbound(service("a", 80, 8080, "http")))[8080] == [TLS, PLAIN]


def test_a_permissive_tcp_port_passes_other_tls_on() -> None:
    assert chains(inbound(service("a", 80, 8080, "tcp")))[8080] == [TLS, TLS_PASSED, PLAIN]


def test_of_two_services_on_one_port_the_older_describes_it() -> None:
    young = service("a", 80, 8080, "http", "2026-02-01T00:00:00Z")
    old = service("b", 81, 8080, "tcp", "2026-01-01T00:00:00Z")
    assert chains(inbound(young, old))[8080] == [TLS, TLS_PASSED, PLAIN]


def test_a_port_level_mode_holds_for_its_port_alone() -> None:
    documents = service("a", 80, 8080, "http"), service("b", 81, 9090, "http")
    ports = {8080: {"mode": "DISABLE"}}
    found_ = chains(inbound(*documents, policy(mtls={"mode": "STRICT"}, portLevelMtls=ports)))
    assert (found_[8080], found_[9090]) == ([PLAIN], [TLS])


def test_a_port_level_mode_of_an_undescribed_port_adds_chains_for_it() -> None:
    listener = inbound(policy(mtls={"mode": "STRICT"}, portLevelMtls={7070: {"mode": "DISABLE"}}))
    assert chains(listener)[7070] == [PLAIN, PLAIN]
    assert chains(listener)[0] == [TLS, TLS]


def test_ports_of_a_sidecar_replace_those_of_services() -> None:
    ingress = [
        {"port": {"number": 9000, "protocol": "HTTP", "name": "http"}, "defaultEndpoint": "127.0.0.1:8080"}
    ]
    sidecar = document("Sidecar", "cart", {"ingress": ingress, "egress": [{"hosts": ["./*"]}]})
    ports = chains(inbound(service("a", 80, 8080, "http"), sidecar)).keys()
    assert 9000 in ports
    assert 8080 not in ports


def test_the_http_inspector_is_off_where_the_protocol_is_declared() -> None:
    listener = inbound(service("a", 80, 8080, "http"), service("b", 81, 9090, ""))
    assert inspectors(listener) == ["original_dst", "tls_inspector", "http_inspector"]
    rules = listener.listener_filters[2].filter_disabled.or_match.rules
    assert [rule.destination_port_range.start for rule in rules] == [8080, 15006]


def test_a_transparent_proxy_keeps_the_source_address() -> None:
    listener = inbound(service("a", 80, 8080, "http"), INTERCEPTION_MODE="TPROXY")
    assert listener.transparent.value
    assert inspectors(listener)[:2] == ["original_dst", "original_src"]


def test_nothing_is_inbound_without_redirection() -> None:
    names = found(pod(), service("a", 80, 8080, "http"), app="cart", INTERCEPTION_MODE="NONE").keys()
    assert not [name for name in names if name == "virtualInbound" or name.endswith("_8080")]
