"""ProxyConfig.proxyHeaders → what a proxy adds to and says in the headers of a request.

Inbound and gateway listeners call themselves istio-envoy; outbound ones keep Envoy's own name.
"""

from __future__ import annotations

from dataclasses import dataclass

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from google.protobuf.wrappers_pb2 import BoolValue

from miniistiod.api.istio.mesh.proxy_pb2 import ForwardClientCertDetails, ProxyConfig
from miniistiod.vocab.listener_class import ListenerClass

Headers = ProxyConfig.ProxyHeaders

_FORWARDED: dict[int, int] = {
    ForwardClientCertDetails.SANITIZE: Hcm.ForwardClientCertDetails.SANITIZE,
    ForwardClientCertDetails.FORWARD_ONLY: Hcm.ForwardClientCertDetails.FORWARD_ONLY,
    ForwardClientCertDetails.APPEND_FORWARD: Hcm.ForwardClientCertDetails.APPEND_FORWARD,
    ForwardClientCertDetails.SANITIZE_SET: Hcm.ForwardClientCertDetails.SANITIZE_SET,
    ForwardClientCertDetails.ALWAYS_FORWARD_ONLY: Hcm.ForwardClientCertDetails.ALWAYS_FORWARD_ONLY,
}


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """The decisions. `request_id` None leaves Envoy's default, which is to make one."""

    server_name: str
    server_header: int
    forwarded_cert: int
    request_id: BoolValue | None
    attempt_count: bool
    debug_headers: bool
    exchange_only_in_mesh: bool
    forwarded_host: bool
    forwarded_port: bool
    preserve_case: bool


def proxy_headers(headers: Headers, side: ListenerClass) -> ProxyHeaders:
    """An absent ProxyHeaders message is the same as an empty one."""
    return ProxyHeaders(
        server_name=_server_name(headers, side),
        server_header=_server_header(headers),
        forwarded_cert=forwarded_cert(
            headers.forwarded_client_cert, Hcm.ForwardClientCertDetails.APPEND_FORWARD
        ),
        request_id=BoolValue(value=False) if headers.request_id.disabled.value else None,
        attempt_count=not headers.attempt_count.disabled.value,
        debug_headers=not headers.envoy_debug_headers.disabled.value,
        exchange_only_in_mesh=headers.metadata_exchange_headers.mode == Headers.MetadataExchangeMode.IN_MESH,
        forwarded_host=headers.x_forwarded_host.enabled.value,
        forwarded_port=headers.x_forwarded_port.enabled.value,
        preserve_case=headers.preserve_http1_header_case.value,
    )


def forwarded_cert(chosen: int, default: int) -> int:
    """What happens to x-forwarded-client-cert."""
    return _FORWARDED.get(chosen, default)


def cert_details(headers: Headers) -> Hcm.SetCurrentClientCertDetails:
    """What a sidecar tells its workload of the client's certificate: all but the certificate itself."""
    chosen = headers.set_current_client_cert_details

    def told(name: str, default: bool) -> bool:
        return bool(getattr(chosen, name).value) if chosen.HasField(name) else default

    return Hcm.SetCurrentClientCertDetails(
        subject=BoolValue(value=told("subject", True)),
        cert=told("cert", False),
        chain=told("chain", False),
        dns=told("dns", True),
        uri=told("uri", True),
    )


def _server_name(headers: Headers, side: ListenerClass) -> str:
    if headers.server.disabled.value:
        return ""
    return headers.server.value or ("" if side is ListenerClass.SIDECAR_OUTBOUND else "istio-envoy")


def _server_header(headers: Headers) -> int:
    if headers.server.disabled.value:
        return int(Hcm.ServerHeaderTransformation.PASS_THROUGH)
    return int(Hcm.ServerHeaderTransformation.OVERWRITE)
