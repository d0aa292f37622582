"""The Secrets that listeners of the Gateway API refer to: which can be used, and by what name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from miniistiod.api.gatewayapi.gateway_pb2 import SecretObjectReference
from miniistiod.api.kubernetes.core_pb2 import ConfigMap, Secret
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.reference_grants import Grant, granted
from miniistiod.translate.secret.material import Roots, config_map_data, key_pair, roots, secret_data


@dataclass(frozen=True, slots=True, eq=False)
class Certificates:
    """All Secrets and ConfigMaps by (namespace, name), and the grants that open them to other namespaces."""

    secrets: Mapping[tuple[str, str], Object[Secret]]
    config_maps: Mapping[tuple[str, str], Object[ConfigMap]]
    grants: tuple[Grant, ...]

    def name(self, reference: SecretObjectReference, namespace: str) -> str | None:
        """The name of the certificate for Envoy; None when a Gateway of this namespace cannot use it."""
        if reference.group or reference.kind not in ("", "Secret"):
            return None
        place = reference.namespace if reference.HasField("namespace") else namespace
        if not granted(self.grants, "Gateway", namespace, ("", "Secret", place, reference.name)):
            return None
        secret = self.secrets.get((place, reference.name))
        return (
            f"kubernetes-gateway://{place}/{reference.name}"
            if secret is not None and usable(secret)
            else None
        )

    def roots_name(self, reference: SecretObjectReference, namespace: str) -> str | None:
        """The name of the roots that clients are verified with; None when they cannot be used."""
        place = reference.namespace if reference.HasField("namespace") else namespace
        kind, key = reference.kind, (place, reference.name)
        if reference.group or not granted(self.grants, "Gateway", namespace, ("", kind, *key)):
            return None
        if kind == "ConfigMap" and key in self.config_maps:
            data, scheme = config_map_data(self.config_maps[key].message), "configmap"
        elif kind == "Secret" and key in self.secrets:
            data, scheme = secret_data(self.secrets[key].message), "kubernetes-gateway"
        else:
            return None
        return f"{scheme}://{place}/{reference.name}-cacert" if _are_roots(roots(data)) else None


def _are_roots(found: Roots | None) -> bool:
    if found is None:
        return False
    try:
        return bool(x509.load_pem_x509_certificates(found.certificates))
    except ValueError:
        return False


@kept
def certificates(
    secrets: tuple[Object[Secret], ...],
    config_maps: tuple[Object[ConfigMap], ...],
    grants: tuple[Grant, ...],
) -> Certificates:
    """The Secrets, ConfigMaps and grants of the mesh."""
    return Certificates(
        {(s.namespace, s.name): s for s in secrets}, {(c.namespace, c.name): c for c in config_maps}, grants
    )


@kept
def usable(secret: Object[Secret]) -> bool:
    """Whether it holds a certificate and the key that belongs to it."""
    pair = key_pair(secret_data(secret.message))
    if pair is None:
        return False
    try:
        public = x509.load_pem_x509_certificates(pair.chain)[0].public_key()
        private = load_pem_private_key(pair.key, None).public_key()
    except (ValueError, TypeError, IndexError, InvalidKey, UnsupportedAlgorithm):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public.public_bytes(*form) == private.public_bytes(*form)
