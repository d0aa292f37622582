"""Which chain has which of the filters that users bring, and what a stock Envoy gets in their place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC
from envoy.extensions.filters.http.wasm.v3.wasm_pb2 import Wasm
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from miniistiod.config import of_text
from miniistiod.generate.extension_filters import PREFIX
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.type_rules import CDS, ECDS, LDS
from tests.parity import nodes, ours

HERE = Path(__file__).parent / "extensions"
WORLD = (HERE / "world.yaml").read_text()
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "cases.yaml").read_text())
HASH = "a" * 64


def scopes(documents: Iterable[Any], stock: bool = False) -> dict[str, ProxyScope]:
    """The scope of each proxy in the world with these documents."""
    text = f"{WORLD}\n---\n{yaml.safe_dump_all(documents)}"
    mesh = snapshot(of_text(text))
    return {key: ProxyScope(proxy(nodes.node(pod, stock)), mesh) for key, pod in nodes.pods_of(text).items()}


def names(filters: Iterable[Any]) -> str:
    """The extensions among these filters."""
    return " ".join(f.name.removeprefix(PREFIX) for f in filters if f.name.startswith(PREFIX))


def kind_of_chain(chain: FilterChain) -> str:
    """CONNECTION FILTERS | HTTP FILTERS."""
    managers = [f for f in chain.filters if f.typed_config.Is(HttpConnectionManager.DESCRIPTOR)]
    http = [h for f in managers for h in HttpConnectionManager.FromString(f.typed_config.value).http_filters]
    return f"{names(chain.filters)} | {names(http)}".strip()


def placed(scope: ProxyScope) -> dict[str, list[str]]:
    """The kinds of chains of each listener that has extensions."""
    found = {}
    for name, body in ours.bodies(scope, LDS).items():
        listener = Listener.FromString(body)
        chains = {kind_of_chain(chain) for chain in listener.filter_chains}
        if listener.HasField("default_filter_chain"):
            chains.add(kind_of_chain(listener.default_filter_chain))
        if chains != {"|"}:
            found[name] = sorted(chains)
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_filters_of_each_chain(case: dict[str, Any]) -> None:
    found = scopes(case["documents"])
    assert {key: placed(found[key]) for key in case["filters"]} == case["filters"]


def plugin(name: str, **spec: Any) -> dict[str, Any]:
    """A TrafficExtension with a Wasm module."""
    return {
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "TrafficExtension",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"wasm": spec},
    }


PLUGINS = (
    plugin("hashed", url="https://wasm.example/a.wasm", sha256=HASH),
    plugin("open", url="oci://registry/a", failStrategy="FAIL_OPEN"),
    plugin("closed", url="oci://registry/a"),
)


def extension(scope: ProxyScope, name: str) -> Any:
    """The configuration of a filter."""
    body = ours.bodies(scope, ECDS)[f"{PREFIX}shop.{name}"]
    return TypedExtensionConfig.FromString(body).typed_config


def test_an_agent_is_sent_everything_and_no_cluster_is_added_for_it() -> None:
    scope = scopes(PLUGINS)["cart-v1-1.shop"]
    for name in ("hashed", "open", "closed"):
        assert extension(scope, name).Is(Wasm.DESCRIPTOR)
    assert not [name for name in ours.bodies(scope, CDS) if name.startswith("module_")]


def test_a_stock_envoy_fetches_what_it_can_from_a_cluster_of_its_own() -> None:
    scope = scopes(PLUGINS, stock=True)["cart-v1-1.shop"]
    wasm = Wasm.FromString(extension(scope, "hashed").value)
    cluster = wasm.config.vm_config.code.remote.http_uri.cluster
    made = Cluster.FromString(ours.bodies(scope, CDS)[cluster])
    address = made.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address
    assert (address.address, address.port_value) == ("wasm.example", 443)
    assert made.transport_socket.name == "envoy.transport_sockets.tls"


def test_for_what_it_cannot_fetch_it_gets_what_the_fail_strategy_says() -> None:
    scope = scopes(PLUGINS, stock=True)["cart-v1-1.shop"]
    passing, refusing = extension(scope, "open"), extension(scope, "closed")
    assert not RBAC.FromString(passing.value).HasField("rules")
    assert RBAC.FromString(refusing.value).HasField("rules")
    assert not RBAC.FromString(refusing.value).rules.policies


def test_another_text_of_the_document_is_another_version_for_the_agent() -> None:
    versions = set()
    for path in ("a", "b"):
        scope = scopes([plugin("p", url=f"https://wasm.example/{path}.wasm")])["cart-v1-1.shop"]
        wasm = Wasm.FromString(extension(scope, "p").value)
        values = wasm.config.vm_config.environment_variables.key_values
        versions.add(values["ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION"])
    assert len(versions) == 2


def test_envoy_filters_add_extensions_by_name_and_do_nothing_else_to_them() -> None:
    def patch(operation: str, name: str) -> dict[str, Any]:
        lua = {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"}
        value = {"name": name, "typed_config": lua}
        return {"applyTo": "EXTENSION_CONFIG", "patch": {"operation": operation, "value": value}}

    document = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"configPatches": [patch("ADD", "added"), patch("MERGE", "merged")]},
    }
    assert set(ours.bodies(scopes([document])["cart-v1-1.shop"], ECDS)) == {"added"}


def test_names_of_other_namespaces_are_not_offered() -> None:
    assert not ours.bodies(scopes(PLUGINS)["other-v1-1.far"], ECDS)
