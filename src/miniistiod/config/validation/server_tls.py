"""ServerTLSSettings of Gateways and Sidecars: which certificates go with which mode.

Source: validateTLSOptions in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.gateway_pb2 import ServerTLSSettings
from miniistiod.config.validation.finding import Findings, Steps, error, warning

CIPHERS = frozenset(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA", "ALL", "",
    )
)  # fmt: skip
"""The cipher suites of BoringSSL, without those of pre-shared keys."""

Tls = ServerTLSSettings
CERTIFICATES = {
    "server_certificate": "serverCertificate",
    "private_key": "privateKey",
    "ca_certificates": "caCertificates",
    "tls_certificates": "tlsCertificates",
    "credential_name": "credentialName",
    "credential_names": "credentialNames",
}
WITH_CERTIFICATE = (Tls.SIMPLE, Tls.MUTUAL, Tls.OPTIONAL_MUTUAL)


def server_tls(tls: Tls, steps: Steps) -> Findings:
    """Everything about the TLS of a server."""
    yield from _ciphers(tls, steps)
    if tls.mode == Tls.ISTIO_MUTUAL:
        for field, name in CERTIFICATES.items():
            if getattr(tls, field):
                message = f"{name} with ISTIO_MUTUAL, which takes the mesh's own certificates"
                yield from error((*steps, name), message, f"remove {name}")
        return
    if tls.mode in (Tls.PASSTHROUGH, Tls.AUTO_PASSTHROUGH):
        given = [name for field, name in CERTIFICATES.items() if getattr(tls, field)]
        if given or tls.ca_crl:
            message = (
                f"{Tls.TLSmode.Name(tls.mode)} leaves TLS to the server behind; certificates are ignored"
            )
            yield from warning(steps, message, "remove the certificates, or write mode: SIMPLE")
    yield from _sources(tls, steps)
    yield from _revocation(tls, steps)


def _ciphers(tls: Tls, steps: Steps) -> Findings:
    if tls.min_protocol_version in (Tls.TLSV1_0, Tls.TLSV1_1) and not tls.cipher_suites:
        message = "no cipher suite of TLS below 1.2 is on by default"
        yield from warning((*steps, "minProtocolVersion"), message, "add cipherSuites")
    seen: set[str] = set()
    for index, suite in enumerate(tls.cipher_suites):
        here = (*steps, "cipherSuites", index)
        if suite[:1].isalnum() and suite not in CIPHERS:
            yield from warning(here, f"there is no cipher suite {suite}; it is ignored", "remove it")
        elif suite in seen:
            yield from warning(here, f"{suite} stands here already", "remove it")
        seen.add(suite)


def _sources(tls: Tls, steps: Steps) -> Findings:
    """Certificates come from one source; with a credential nothing else is needed."""
    files = tls.server_certificate and tls.private_key
    given = [bool(one) for one in (files, tls.credential_name, tls.credential_names, tls.tls_certificates)]
    if sum(given) > 1:
        message = "certificates from several sources"
        remedy = (
            "keep one of credentialName, credentialNames, tlsCertificates, serverCertificate with privateKey"
        )
        yield from error(steps, message, remedy)
    if tls.mode in WITH_CERTIFICATE and not tls.credential_name and not tls.credential_names:
        yield from _files(tls, steps)


def _files(tls: Tls, steps: Steps) -> Findings:
    mode = Tls.TLSmode.Name(tls.mode)
    if tls.mode != Tls.SIMPLE and not tls.ca_certificates:
        yield from error(steps, f"{mode} needs caCertificates to check clients by", "add caCertificates")
    if len(tls.tls_certificates) > 2:
        yield from warning(
            (*steps, "tlsCertificates"), "more than two certificates", "keep an RSA and an ECDSA one"
        )
    pairs = tls.tls_certificates or [tls]
    for index, pair in enumerate(pairs):
        here = (*steps, "tlsCertificates", index) if tls.tls_certificates else steps
        for field in ("server_certificate", "private_key"):
            if not getattr(pair, field):
                name = CERTIFICATES[field]
                yield from error(here, f"{mode} needs {name}", f"add {name}, or credentialName")


def _revocation(tls: Tls, steps: Steps) -> Findings:
    if not tls.ca_crl or (tls.mode in WITH_CERTIFICATE and (tls.credential_name or tls.credential_names)):
        return
    if tls.credential_name:
        yield from error((*steps, "caCrl"), "caCrl beside credentialName", "put the list into the credential")
    if tls.mode == Tls.SIMPLE:
        yield from error((*steps, "caCrl"), "caCrl with SIMPLE, which checks no client", "remove it")
