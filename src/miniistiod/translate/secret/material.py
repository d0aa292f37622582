"""A Kubernetes Secret or ConfigMap → the certificate, key and roots in it, of either kind of layout.

tls: `tls.crt`, `tls.key`, `ca.crt`. generic: `cert`, `key`, `cacert`; it counts if both are there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from miniistiod.api.kubernetes.core_pb2 import ConfigMap, Secret

Data = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its key, both PEM, and the OCSP staple that goes with it."""

    chain: bytes
    key: bytes = field(repr=False)
    staple: bytes = b""


@dataclass(frozen=True, slots=True)
class Roots:
    """Trusted roots and the list of what they revoked, both PEM."""

    certificates: bytes
    revoked: bytes = b""


def secret_data(secret: Secret) -> Data:
    """The entries of a Secret; `stringData` is put over `data`. What is not base64 is left out."""
    decoded = {name: _decoded(text) for name, text in secret.data.items()}
    plain = {name: text.encode() for name, text in secret.string_data.items()}
    return {name: value for name, value in {**decoded, **plain}.items() if value}


def config_map_data(config_map: ConfigMap) -> Data:
    """The entries of a ConfigMap."""
    return {name: text.encode() for name, text in config_map.data.items() if text}


def key_pair(data: Data) -> KeyPair | None:
    """The certificate and key, or None when there is no pair of them."""
    if "cert" in data and "key" in data:
        return KeyPair(data["cert"], data["key"])
    if "tls.crt" in data and "tls.key" in data:
        return KeyPair(data["tls.crt"], data["tls.key"], data.get("tls.ocsp-staple", b""))
    return None


def roots(data: Data) -> Roots | None:
    """The roots, or None when there are none."""
    if "cacert" in data:
        return Roots(data["cacert"], data.get("crl", b""))
    if "ca.crt" in data:
        return Roots(data["ca.crt"], data.get("ca.crl", b""))
    return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
