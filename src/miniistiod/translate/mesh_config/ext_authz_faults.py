"""What makes an ext_authz provider unusable, in plain words; CUSTOM policies that name such a one deny."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envoy.type.v3.http_status_pb2 import StatusCode

from miniistiod.translate.mesh_config.envoy_ext_authz import GrpcProvider, HttpProvider

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_STATUS = re.compile(r"[+-]?[0-9]+")
_HEADER_FIELDS = (
    "include_request_headers_in_check",
    "include_headers_in_check",
    "headers_to_downstream_on_deny",
    "headers_to_downstream_on_allow",
    "headers_to_upstream_on_allow",
)


def name_faults(name: str) -> Iterator[str]:
    """A provider's name becomes part of policy names and metadata, so it must be a DNS label."""
    if not name:
        yield "a provider needs a name"
    elif len(name) > 63 or not _NAME.fullmatch(name):
        yield f"provider name {name!r} must be at most 63 of a-z, 0-9 and -, and not start or end with -"


def provider_faults(provider: HttpProvider | GrpcProvider) -> Iterator[str]:
    """Everything but whether the service exists, which the mesh knows."""
    if not 1 <= provider.port <= 65535:
        yield f"port must be 1 to 65535, not {provider.port}"
    if not _service(provider.service):
        yield f"service must be HOST or NAMESPACE/HOST, not {provider.service!r}"
    if provider.status_on_error and not _status(provider.status_on_error):
        yield f"statusOnError {provider.status_on_error!r} is no HTTP status that Envoy knows"
    if isinstance(provider, HttpProvider):
        yield from _http_faults(provider)


def _http_faults(provider: HttpProvider) -> Iterator[str]:
    if provider.path_prefix and not provider.path_prefix.startswith("/"):
        yield f"pathPrefix must start with /, not {provider.path_prefix!r}"
    for field in _HEADER_FIELDS:
        values: Sequence[str] = getattr(provider, field)
        if "*" in values:
            yield f"{field}: * alone is not supported, use a prefix or suffix"


def _service(service: str) -> bool:
    namespace, slash, host = service.rpartition("/")
    return bool(host) and not (slash and (not namespace or "/" in namespace))


def _status(status: str) -> bool:
    return bool(_STATUS.fullmatch(status)) and int(status) in StatusCode.values()
