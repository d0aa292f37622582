"""HTTPHeaderFilter → Headers.HeaderOperations. Names lose their case; the first of equal ones counts."""

from __future__ import annotations

from collections.abc import Iterable

from miniistiod.api.gatewayapi.gateway_pb2 import HTTPHeader, HTTPHeaderFilter, HTTPRouteFilter
from miniistiod.api.istio.networking.virtual_service_pb2 import Headers
from miniistiod.translate.http_route.unusable import Unusable

REQUEST = "RequestHeaderModifier"
RESPONSE = "ResponseHeaderModifier"


def headers(filters: Iterable[HTTPRouteFilter]) -> Headers | None:
    """The operations of the header filters among these, None without any. The last of a type counts."""
    by_type = {each.type: each for each in filters}
    request, response = by_type.get(REQUEST), by_type.get(RESPONSE)
    if request is None and response is None:
        return None
    return Headers(
        request=operations(request.request_header_modifier) if request is not None else None,
        response=operations(response.response_header_modifier) if response is not None else None,
    )


def operations(header_filter: HTTPHeaderFilter) -> Headers.HeaderOperations:
    """What to set, add and remove; Unusable for a value that no header can have."""
    for header in (*header_filter.set, *header_filter.add):
        if any((ord(c) < 0x20 and c != "\t") or ord(c) == 0x7F for c in header.value):
            raise Unusable(f"the value of header {header.name!r} has characters that no header can have")
    return Headers.HeaderOperations(
        set=_first(header_filter.set), add=_first(header_filter.add), remove=header_filter.remove
    )


def _first(named: Iterable[HTTPHeader]) -> dict[str, str]:
    values: dict[str, str] = {}
    for header in named:
        values.setdefault(header.name.lower(), header.value)
    return values
