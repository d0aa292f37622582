"""HTTPRequestRedirectFilter → HTTPRedirect.

Unlike in Istio, the port of the request is kept unless the scheme or the port is given.
"""

from __future__ import annotations

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPRequestRedirectFilter
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRedirect


def redirect(redirect_filter: HTTPRequestRedirectFilter) -> HTTPRedirect:
    """The redirect."""
    made = HTTPRedirect(
        redirect_code=redirect_filter.status_code,
        authority=redirect_filter.hostname,
        scheme=redirect_filter.scheme,
    )
    if redirect_filter.HasField("port"):
        made.port = redirect_filter.port
    elif redirect_filter.HasField("scheme"):
        made.derive_port = HTTPRedirect.FROM_PROTOCOL_DEFAULT
    else:
        made.derive_port = HTTPRedirect.FROM_REQUEST_PORT
    if redirect_filter.path.type == "ReplaceFullPath":
        made.uri = redirect_filter.path.replace_full_path
    elif redirect_filter.path.type == "ReplacePrefixMatch":
        made.prefix_rewrite = redirect_filter.path.replace_prefix_match
    return made
