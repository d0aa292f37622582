"""ExtensionProvider.envoyExtAuthzHttp and envoyExtAuthzGrpc → the ext_authz filters that ask the service.

They ask only for requests that a CUSTOM policy of this provider matched, which the rbac filter before them
noted in its metadata.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import HeaderValue
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as http
from envoy.extensions.filters.network.ext_authz.v3 import ext_authz_pb2 as network
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import ListStringMatcher, StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.protobuf.duration_pb2 import Duration

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config.collector import Collector

HttpProvider = MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationHttpProvider
GrpcProvider = MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationGrpcProvider
RequestBody = MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationRequestBody

TIMEOUT = Duration(seconds=600)
NOTED_POLICY = "istio_ext_authz_shadow_effective_policy_id"


def http_service_filter(provider: HttpProvider, name: str, service: Collector) -> http.ExtAuthz:
    """The HTTP filter that asks an HTTP service; `name` is that of the provider."""
    asked = provider.include_request_headers_in_check or provider.include_headers_in_check
    return http.ExtAuthz(
        http_service=_http_service(provider, service),
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=provider.fail_open,
        status_on_error=_status(provider.status_on_error),
        with_request_body=_body(provider),
        allowed_headers=_headers(asked),
        filter_enabled_metadata=matched("envoy.filters.http.rbac", name),
    )


def grpc_service_filter(provider: GrpcProvider, name: str, service: Collector) -> http.ExtAuthz:
    """The HTTP filter that asks a gRPC service."""
    return http.ExtAuthz(
        grpc_service=_grpc_service(provider, service),
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=provider.fail_open,
        status_on_error=_status(provider.status_on_error),
        with_request_body=_body(provider),
        filter_enabled_metadata=matched("envoy.filters.http.rbac", name),
    )


def network_filter(provider: GrpcProvider, name: str, service: Collector) -> network.ExtAuthz:
    """The filter that asks a gRPC service for a TCP connection; HTTP services cannot be asked."""
    return network.ExtAuthz(
        stat_prefix="tcp.",
        grpc_service=_grpc_service(provider, service),
        failure_mode_allow=provider.fail_open,
        transport_api_version=ApiVersion.V3,
        filter_enabled_metadata=matched("envoy.filters.network.rbac", name),
    )


def matched(rbac_filter: str, provider: str) -> MetadataMatcher:
    """A CUSTOM policy of the provider matched this request: its name starts like this."""
    return MetadataMatcher(
        filter=rbac_filter,
        path=[MetadataMatcher.PathSegment(key=NOTED_POLICY)],
        value=ValueMatcher(string_match=StringMatcher(prefix=f"istio-ext-authz-{provider}")),
    )


def _http_service(provider: HttpProvider, service: Collector) -> http.HttpService:
    return http.HttpService(
        path_prefix=provider.path_prefix,
        # Envoy wants a URI and dials the cluster.
        server_uri=HttpUri(uri=f"http://{service.host}", cluster=service.cluster, timeout=_timeout(provider)),
        authorization_request=_authorization_request(provider),
        authorization_response=_authorization_response(provider),
    )


def _authorization_request(provider: HttpProvider) -> http.AuthorizationRequest | None:
    added = provider.include_additional_headers_in_check
    if not added:
        return None
    return http.AuthorizationRequest(
        headers_to_add=[HeaderValue(key=k, value=added[k]) for k in sorted(added)]
    )


def _authorization_response(provider: HttpProvider) -> http.AuthorizationResponse | None:
    upstream = _headers(provider.headers_to_upstream_on_allow)
    denied = _headers(provider.headers_to_downstream_on_deny)
    allowed = _headers(provider.headers_to_downstream_on_allow)
    if upstream is None and denied is None and allowed is None:
        return None
    return http.AuthorizationResponse(
        allowed_upstream_headers=upstream,
        allowed_client_headers=denied,
        allowed_client_headers_on_success=allowed,
    )


def _grpc_service(provider: GrpcProvider, service: Collector) -> GrpcService:
    envoy_grpc = GrpcService.EnvoyGrpc(cluster_name=service.cluster, authority=service.host)
    return GrpcService(envoy_grpc=envoy_grpc, timeout=_timeout(provider))


def _timeout(provider: HttpProvider | GrpcProvider) -> Duration:
    return provider.timeout if provider.HasField("timeout") else TIMEOUT


def _status(code: str) -> HttpStatus | None:
    return HttpStatus(code=int(code)) if code else None


def _body(provider: HttpProvider | GrpcProvider) -> http.BufferSettings | None:
    if not provider.HasField("include_request_body_in_check"):
        return None
    body: RequestBody = provider.include_request_body_in_check
    return http.BufferSettings(
        max_request_bytes=body.max_request_bytes,
        allow_partial_message=body.allow_partial_message,
        pack_as_bytes=body.pack_as_bytes,
    )


def _headers(names: Sequence[str]) -> ListStringMatcher | None:
    return ListStringMatcher(patterns=[_header(n) for n in names]) if names else None


def _header(name: str) -> StringMatcher:
    if name.startswith("*"):
        return StringMatcher(suffix=name[1:], ignore_case=True)
    if name.endswith("*"):
        return StringMatcher(prefix=name[:-1], ignore_case=True)
    return StringMatcher(exact=name, ignore_case=True)
