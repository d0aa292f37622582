"""Kubernetes Secrets and ConfigMaps as Envoy's secrets: names, kinds, and who may have the keys."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret as EnvoySecret

from miniistiod.api import kinds
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object, Origin
from miniistiod.generate.secrets import granted_secrets, namespace_secrets, root_config_maps
from miniistiod.xds.resource import Part

SECRET = next(kinds.named("secret"))
CONFIG_MAP = next(kinds.named("configmap"))


def secret(name: str, data: Mapping[str, str], namespace: str = "shop") -> Object[core_pb2.Secret]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return Object(SECRET, name, namespace, core_pb2.Secret(data=encoded), Origin("f", 1))


def contents(part: Part) -> dict[str, tuple[str, str, str]]:
    """name → (certificates, key, roots)."""
    found = {}
    for name, made in part.items():
        message = EnvoySecret.FromString(made.body)
        assert message.name == name
        certificate, context = message.tls_certificate, message.validation_context
        parts = (certificate.certificate_chain, certificate.private_key, context.trusted_ca)
        found[name] = tuple(source.inline_bytes.decode() for source in parts)
    return found  # type: ignore[return-value]


def test_tls_and_generic_secrets_for_a_gateway() -> None:
    tls = secret("a", {"tls.crt": "C1", "tls.key": "K1", "ca.crt": "R1"})
    generic = secret("b", {"cert": "C2", "key": "K2", "cacert": "R2", "tls.crt": "other", "tls.key": "other"})
    for prefix in ("kubernetes://", "kubernetes://shop/"):
        got = contents(namespace_secrets((tls, generic), True))
        assert got[f"{prefix}a"] == ("C1", "K1", "")
        assert got[f"{prefix}a-cacert"] == ("", "", "R1")
        assert got[f"{prefix}b"] == ("C2", "K2", "")
        assert got[f"{prefix}b-cacert"] == ("", "", "R2")
        assert len(got) == 8


def test_a_sidecar_gets_roots_and_no_key() -> None:
    got = contents(namespace_secrets((secret("a", {"tls.crt": "C", "tls.key": "K", "ca.crt": "R"}),), False))
    assert set(got) == {"kubernetes://a-cacert", "kubernetes://shop/a-cacert"}
    assert all("K" not in "".join(parts) for parts in got.values())


def test_a_secret_of_its_own_for_the_roots_wins_and_never_gives_a_key() -> None:
    own = secret("a-cacert", {"cacert": "OWN", "cert": "C", "key": "K"})
    pair = secret("a", {"cert": "C", "key": "K", "cacert": "R"})
    got = contents(namespace_secrets((pair, own), True))
    assert got["kubernetes://a-cacert"] == ("", "", "OWN")
    assert got["kubernetes://shop/a-cacert"] == ("", "", "OWN")
    assert got["kubernetes://a"] == ("C", "K", "")
    assert len(got) == 4


def test_what_is_no_certificate_pair_gives_nothing() -> None:
    broken = secret("a", {"tls.crt": "C"})
    broken.message.data["tls.key"] = "%%% not base64 %%%"
    assert namespace_secrets((broken, secret("b", {"tls.crt": "", "tls.key": ""})), True) == {}


def test_string_data_lies_over_data() -> None:
    one = secret("a", {"tls.crt": "C", "tls.key": "old"})
    one.message.string_data["tls.key"] = "new"
    assert contents(namespace_secrets((one,), True))["kubernetes://a"] == ("C", "new", "")


def test_a_granted_secret_of_another_namespace_only_under_the_name_granted() -> None:
    other = secret("a", {"tls.crt": "C", "tls.key": "K", "ca.crt": "R"}, "bank")
    name = "kubernetes-gateway://bank/a"
    assert contents(granted_secrets(((name, other),))) == {name: ("C", "K", "")}
    roots = f"{name}-cacert"
    assert contents(granted_secrets(((roots, other),))) == {roots: ("", "", "R")}


def test_roots_in_config_maps_go_to_everybody() -> None:
    config_map = core_pb2.ConfigMap(data={"ca.crt": "R"})
    one = Object(CONFIG_MAP, "roots", "bank", config_map, Origin("f", 1))
    got = contents(root_config_maps((one,)))
    assert got == {
        "configmap://bank/roots": ("", "", "R"),
        "configmap://bank/roots-cacert": ("", "", "R"),
    }
