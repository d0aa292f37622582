"""ClientTLSSettings: which certificates go with which mode.

Source: ValidateTLS in istio's pkg/config/validation/agent.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings
from miniistiod.config.validation.finding import Findings, Steps, error

CONFIG_MAP = "configmap://"
FILES = {
    "client_certificate": "clientCertificate",
    "private_key": "privateKey",
    "ca_certificates": "caCertificates",
    "ca_crl": "caCrl",
}


def client_tls(tls: ClientTLSSettings, steps: Steps, namespace: str) -> Findings:
    """TLS towards an upstream; `namespace` is that of the object, "" for the mesh's."""
    if tls.credential_name.startswith(CONFIG_MAP):
        yield from _config_map(
            tls.credential_name.removeprefix(CONFIG_MAP), (*steps, "credentialName"), namespace
        )
    if tls.insecure_skip_verify.value:
        yield from _without_checks(tls, steps)
    certificates = tls.mode in (ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL)
    if certificates and tls.credential_name:
        for field, name in FILES.items():
            if getattr(tls, field):
                yield from error((*steps, name), f"{name} beside credentialName", "keep one of them")
    elif tls.mode == ClientTLSSettings.MUTUAL:
        for field in ("client_certificate", "private_key"):
            if not getattr(tls, field):
                yield from error(
                    steps, f"MUTUAL needs {FILES[field]}", f"add {FILES[field]}, or credentialName"
                )


def _config_map(name: str, steps: Steps, namespace: str) -> Findings:
    """`NAME`, `NAMESPACE/NAME`; the ConfigMap has to be in the object's namespace."""
    parts = name.split("/")
    if len(parts) > 2 or not all(parts):
        yield from error(steps, f'"{name}" names no ConfigMap', "write configmap://NAME")
    elif not namespace or (len(parts) == 2 and parts[0] != namespace):
        message = "the ConfigMap has to be in the namespace of this object"
        yield from error(steps, message, f"write configmap://{parts[-1]}")


def _without_checks(tls: ClientTLSSettings, steps: Steps) -> Findings:
    """What a certificate would be checked by makes no sense where nothing is checked."""
    given = {"caCertificates": tls.ca_certificates, "subjectAltNames": tls.subject_alt_names}
    if tls.mode == ClientTLSSettings.SIMPLE:
        given["credentialName"] = tls.credential_name
    elif tls.mode != ClientTLSSettings.MUTUAL:
        return
    for name, value in given.items():
        if value:
            message = f"{name} beside insecureSkipVerify: nothing is checked then"
            yield from error((*steps, name), message, f"remove {name} or insecureSkipVerify")
