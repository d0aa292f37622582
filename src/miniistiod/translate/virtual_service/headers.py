"""Headers → the header operations of a route or of one destination.

Envoy cannot set pseudo-headers and Host this way: setting them becomes a rewrite of the host, removing them
is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption

from miniistiod.api.istio.networking.virtual_service_pb2 import Headers

APPEND = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


class HeaderOperations(NamedTuple):
    """The operations as Envoy has them, under the names they have there; `authority` is "" when unchanged."""

    request_headers_to_add: tuple[HeaderValueOption, ...] = ()
    request_headers_to_remove: tuple[str, ...] = ()
    response_headers_to_add: tuple[HeaderValueOption, ...] = ()
    response_headers_to_remove: tuple[str, ...] = ()
    authority: str = ""

    def fields(self) -> dict[str, tuple[object, ...]]:
        """The four fields of Route and of ClusterWeight, those that say something."""
        return {name: value for name, value in self._asdict().items() if name != "authority" and value}

    def then(self, later: HeaderOperations) -> HeaderOperations:
        """These operations and after them the later ones; the first authority stays."""
        return HeaderOperations(
            self.request_headers_to_add + later.request_headers_to_add,
            self.request_headers_to_remove + later.request_headers_to_remove,
            self.response_headers_to_add + later.response_headers_to_add,
            self.response_headers_to_remove + later.response_headers_to_remove,
            self.authority or later.authority,
        )


NONE = HeaderOperations()


def header_operations(headers: Headers) -> HeaderOperations:
    """What to set, add and remove. `set` comes before `add`, each in the order of the names."""
    request, response = headers.request, headers.response
    return HeaderOperations(
        (*_written(request.set, OVERWRITE), *_written(request.add, APPEND)),
        _removed(request.remove),
        (*_written(response.set, OVERWRITE), *_written(response.add, APPEND)),
        _removed(response.remove),
        _authority(request.set) or _authority(request.add),
    )


def _written(
    values: Mapping[str, str], action: HeaderValueOption.HeaderAppendAction
) -> list[HeaderValueOption]:
    return [
        HeaderValueOption(header=HeaderValue(key=key, value=value), append_action=action)
        for key, value in sorted(values.items())
        if not _internal(key)
    ]


def _removed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not _internal(name))


def _authority(values: Mapping[str, str]) -> str:
    return next((value for key, value in values.items() if key.lower() in ("host", ":authority")), "")


def _internal(name: str) -> bool:
    return name.startswith(":") or name.lower() == "host"
