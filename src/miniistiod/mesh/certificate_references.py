"""The Secrets that listeners of the Gateway API refer to: which can be used, and by what name.

cryptography is imported when there is one to look at: it takes 10 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.api.gatewayapi.gateway_pb2 import SecretObjectReference
from miniistiod.api.kubernetes.core_pb2 import ConfigMap, Secret
from miniistiod.config.objects import Object
from miniistiod.mesh.conditions import Fault
from miniistiod.mesh.kept import kept
from miniistiod.mesh.reference_grants import Grant, granted
from miniistiod.translate.secret.material import Roots, config_map_data, key_pair, roots, secret_data

BAD_CERTIFICATE, BAD_ROOTS = "InvalidCertificateRef", "InvalidCACertificateRef"


@dataclass(frozen=True, slots=True, eq=False)
class Certificates:
    """All Secrets and ConfigMaps by (namespace, name), and the grants that open them to other namespaces."""

    secrets: Mapping[tuple[str, str], Object[Secret]]
    config_maps: Mapping[tuple[str, str], Object[ConfigMap]]
    grants: tuple[Grant, ...]

    def name(self, reference: SecretObjectReference, namespace: str) -> str | None:
        """The name of the certificate for Envoy; None when a Gateway of this namespace cannot use it."""
        if self.fault(reference, namespace) is not None:
            return None
        place = reference.namespace if reference.HasField("namespace") else namespace
        return f"kubernetes-gateway://{place}/{reference.name}"

    def fault(self, reference: SecretObjectReference, namespace: str) -> Fault | None:
        """Why a Gateway of this namespace cannot use the certificate; None when it can."""
        place = reference.namespace if reference.HasField("namespace") else namespace
        where = f"{place}/{reference.name}"
        if not granted(self.grants, "Gateway", namespace, ("", "Secret", place, reference.name)):
            said = f"no ReferenceGrant in namespace {place} lets Gateways of {namespace} use Secret {where}"
            return Fault("RefNotPermitted", said)
        if reference.group or reference.kind not in ("", "Secret"):
            return Fault(BAD_CERTIFICATE, f"a certificate is in a Secret, not in a {reference.kind}")
        secret = self.secrets.get((place, reference.name))
        if secret is None:
            return Fault(BAD_CERTIFICATE, f"there is no Secret {where}")
        if not usable(secret):
            return Fault(BAD_CERTIFICATE, f"Secret {where} does not hold a certificate and its key")
        return None

    def roots_name(self, reference: SecretObjectReference, namespace: str) -> str | None:
        """The name of the roots that clients are verified with; None when they cannot be used."""
        if self.roots_fault(reference, namespace) is not None:
            return None
        place = reference.namespace if reference.HasField("namespace") else namespace
        scheme = "configmap" if reference.kind == "ConfigMap" else "kubernetes-gateway"
        return f"{scheme}://{place}/{reference.name}-cacert"

    def roots_fault(self, reference: SecretObjectReference, namespace: str) -> Fault | None:
        """Why a Gateway of this namespace cannot verify clients with these roots; None when it can."""
        place = reference.namespace if reference.HasField("namespace") else namespace
        kind, key = reference.kind, (place, reference.name)
        what = f"{kind} {place}/{reference.name}"
        if not granted(self.grants, "Gateway", namespace, ("", kind, *key)):
            said = f"no ReferenceGrant in namespace {place} lets Gateways of {namespace} use {what}"
            return Fault("RefNotPermitted", said)
        if reference.group or kind not in ("ConfigMap", "Secret"):
            said = f"roots for clients are in a ConfigMap or a Secret, not in a {kind}"
            return Fault("InvalidCACertificateKind", said)
        if kind == "ConfigMap":
            data = config_map_data(self.config_maps[key].message) if key in self.config_maps else None
        else:
            data = secret_data(self.secrets[key].message) if key in self.secrets else None
        if data is None:
            return Fault(BAD_ROOTS, f"there is no {what}")
        return None if _are_roots(roots(data)) else Fault(BAD_ROOTS, f"{what} does not hold certificates")


def _are_roots(found: Roots | None) -> bool:
    if found is None:
        return False
    from cryptography import x509

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
    from cryptography import x509
    from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        public = x509.load_pem_x509_certificates(pair.chain)[0].public_key()
        private = load_pem_private_key(pair.key, None).public_key()
    except (ValueError, TypeError, IndexError, InvalidKey, UnsupportedAlgorithm):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public.public_bytes(*form) == private.public_bytes(*form)
