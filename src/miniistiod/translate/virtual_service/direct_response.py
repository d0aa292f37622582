"""HTTPDirectResponse → DirectResponseAction."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.route.v3.route_components_pb2 import DirectResponseAction

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPDirectResponse


def direct_response_action(response: HTTPDirectResponse) -> DirectResponseAction:
    """The status and, if there is one, the body."""
    return DirectResponseAction(status=response.status, body=_body(response))


def _body(response: HTTPDirectResponse) -> DataSource | None:
    match response.body.WhichOneof("specifier"):
        case "string":
            return DataSource(inline_string=response.body.string)
        case "bytes":
            return DataSource(inline_bytes=response.body.bytes)
    return None
