"""Envoy's Node, read as a proxy."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.core.v3 import base_pb2
from google.protobuf import json_format

from miniistiod.mesh.settings import settings
from miniistiod.proxy.node import Interception, NodeError, Proxy, ProxyKind, proxy
from miniistiod.proxy.proxy_config import effective
from miniistiod.proxy.workload import workload_of

ID = "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"


def read(node_id: str = ID, extensions: tuple[str, ...] = (), **metadata: Any) -> Proxy:
    """The proxy of a Node with this metadata."""
    tree = {"id": node_id, "metadata": metadata, "extensions": [{"name": name} for name in extensions]}
    return proxy(json_format.ParseDict(tree, base_pb2.Node()))


def test_the_id_alone_is_enough() -> None:
    found = read()
    assert (found.kind, found.id, found.name, found.namespace) == (
        ProxyKind.SIDECAR,
        "web-1.shop",
        "web-1",
        "shop",
    )
    assert found.addresses == ("10.0.0.1",)


def test_metadata_counts_before_the_id() -> None:
    found = read(
        NAMESPACE="front", INSTANCE_IPS="fd00::1, 10.0.0.2", LABELS={"app": "web"}, SERVICE_ACCOUNT="web"
    )
    assert (found.namespace, found.addresses) == ("front", ("fd00::1", "10.0.0.2"))
    assert (found.labels, found.service_account) == ({"app": "web"}, "web")
    assert (found.supports_ipv4, found.supports_ipv6) == (True, True)


@pytest.mark.parametrize(
    ("node_id", "word"),
    [
        ("web", "KIND"),
        ("ztunnel~10.0.0.1~a.b~c", "sidecar"),
        ("sidecar~nowhere~a.b~b.svc.cluster.local", "IP"),
    ],
)
def test_what_is_no_proxy_is_refused_with_the_reason(node_id: str, word: str) -> None:
    with pytest.raises(NodeError, match=word):
        read(node_id)


def test_istios_own_envoy_is_known_by_its_extensions() -> None:
    assert read(extensions=("istio.alpn",)).istio_extensions
    assert not read(extensions=("envoy.filters.http.router",)).istio_extensions


def test_booleans_and_numbers_may_come_as_text() -> None:
    found = read(
        UNPRIVILEGED_POD="true", DNS_CAPTURE=True, HTTP_PROXY_PORT="15080", INTERCEPTION_MODE="TPROXY"
    )
    assert (found.unprivileged, found.dns_capture, found.http_proxy_port) == (True, True, 15080)
    assert found.interception is Interception.TPROXY
    assert read(HTTP_PROXY_PORT=15081).http_proxy_port == 15081


@pytest.mark.parametrize(
    ("metadata", "length"), [({}, 189), ({"PROXY_CONFIG": None}, 189), ({"PROXY_CONFIG": {}}, 0)]
)
def test_a_proxy_config_of_its_own_hides_the_meshs_whole(metadata: dict[str, Any], length: int) -> None:
    found = effective(settings(()), read(**metadata).proxy_config)
    assert found.message.stat_name_length == length


def test_proxies_that_are_configured_alike_share_one_configuration() -> None:
    one, two = (read(PROXY_CONFIG={"concurrency": 2, "statNameLength": 99}) for _ in range(2))
    assert effective(settings(()), one.proxy_config) is effective(settings(()), two.proxy_config)


def test_a_proxy_registers_as_a_workload() -> None:
    ports = '[{"name": "http", "containerPort": 8080, "protocol": "TCP"}]'
    found = workload_of(read(LABELS={"app": "web"}, SERVICE_ACCOUNT="web", POD_PORTS=ports))
    assert (found.addresses, found.service_account, found.tls_mode) == (("10.0.0.1",), "web", "istio")
    assert found.port_names == {"http": 8080}
    assert workload_of(read(LABELS={"security.istio.io/tlsMode": "disabled"})).tls_mode == "disabled"
    assert workload_of(read(POD_PORTS="nonsense")).port_names == {}
