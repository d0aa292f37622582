"""A stock Envoy fetches modules itself, where it can; the addresses are read as Go reads them."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict

from miniistiod.api.istio.extensions.traffic_extension_pb2 import WasmConfig
from miniistiod.translate.traffic_extension.module_url import authority, module_url
from miniistiod.translate.traffic_extension.wasm import own_fetch, wasm

HASH = "a" * 64


def plugin(**config: object) -> object:
    """What the agent would be sent."""
    made = wasm(ParseDict(config, WasmConfig()), "shop.a", "V")
    assert made is not None
    return own_fetch(made, "somewhere")


def test_it_is_fetched_from_the_cluster_and_nothing_meant_for_the_agent_is_left() -> None:
    made = plugin(url="https://wasm.example/a.wasm", sha256=HASH, imagePullPolicy="Always")
    assert made.vm_config.code.remote.http_uri.cluster == "somewhere"  # type: ignore[attr-defined]
    assert made.vm_config.code.remote.sha256 == HASH  # type: ignore[attr-defined]
    assert not made.vm_config.HasField("environment_variables")  # type: ignore[attr-defined]


def test_variables_of_the_user_stay() -> None:
    given = {"env": [{"name": "A", "value": "1"}]}
    made = plugin(url="file:///a.wasm", vmConfig=given)
    assert dict(made.vm_config.environment_variables.key_values) == {"A": "1"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", ["oci://registry/a", "registry/a"])
def test_an_image_is_out_of_reach(url: str) -> None:
    assert plugin(url=url, sha256=HASH) is None


def test_without_a_hash_nothing_is_taken_from_afar() -> None:
    assert plugin(url="https://wasm.example/a.wasm") is None


@pytest.mark.parametrize(
    ("given", "read"),
    [
        # the first five as istiod (1.32 development line) sends them
        ("reg.example/a:1", "oci://reg.example/a:1"),
        ("http://wasm.shop/a.wasm?x=1", "http://wasm.shop/a.wasm?x=1"),
        ("http://wasm.shop:8080/a b.wasm", "http://wasm.shop:8080/a%20b.wasm"),
        ("HTTPS://Wasm.Shop/a.wasm", "https://Wasm.Shop/a.wasm"),
        ("oci://reg.example/a:1", "oci://reg.example/a:1"),
        ("http://wasm.shop/a%20b.wasm", "http://wasm.shop/a%20b.wasm"),
        ("reg.example:5000/a:1", "reg.example:5000/a:1"),
        ("10.0.0.1:5000/a", None),
        ("a%zz", None),
        ("", None),
    ],
)
def test_an_address_is_read_as_go_does(given: str, read: str | None) -> None:
    assert module_url(given) == read


def test_the_usual_ports() -> None:
    assert authority("https://a.example/b") == ("a.example", 443)
    assert authority("http://a.example/b") == ("a.example", 80)
    assert authority("http://a.example:81/b") == ("a.example", 81)
